"""A worker that has nothing to do sleeps: Faust's timers are off, and nothing waits for one."""

import re
from typing import Any, Final

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.types import TP

from streams.faust import app as faust_app
from streams.faust import consumer as faust_consumer
from streams.faust import worker as faust_worker
from streams.faust.consumer import CheckpointedConsumer, CheckpointedThread
from streams.faust.worker import Worker
from tests.cluster.notebook import Notebook
from tests.cluster.worker_town import Town, events, running, until

NEVER_S: Final = 86_400.0
BEATS: Final = 5


@pytest.fixture
def sought(monkeypatch: pytest.MonkeyPatch) -> list[TP]:
    """The partitions of which something was missing, and that were read again."""
    found: list[TP] = []
    seek_again = CheckpointedConsumer.seek_again

    async def noted(self: CheckpointedConsumer, partition: TP) -> None:
        found.append(partition)
        await seek_again(self, partition)

    monkeypatch.setattr(CheckpointedConsumer, "seek_again", noted)
    return found


async def give_up_fetching(worker: Worker) -> None:
    """As Faust does around a rebalance; then it fetches again."""
    app: Any = worker._app  # noqa: SLF001 - what Faust does is done here
    await app._stop_fetcher()  # noqa: SLF001
    await app._fetcher.maybe_start()  # noqa: SLF001


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[CheckpointedThread]:
    """Those of which everything was read."""
    found: list[CheckpointedThread] = []
    settle_down = CheckpointedThread.settle_down

    def noted(self: CheckpointedThread) -> None:
        settle_down(self)
        found.append(self)

    monkeypatch.setattr(CheckpointedThread, "settle_down", noted)
    monkeypatch.setattr(faust_consumer, "SETTLED_S", 0.5)
    return found


async def test_what_comes_waits_for_no_timer(
    town: Town, settled: list[CheckpointedThread], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust_app, "HEARTBEAT_S", 0.1)
    for module, name in (
        (faust_consumer, "LOOK_S"),
        (faust_consumer, "POLL_S"),
        (faust_worker, "ROUND_S"),
    ):
        monkeypatch.setattr(module, name, NEVER_S)
    ada, bob = town.worker(), town.worker(Notebook(town.folder / "notebook.db"))

    async with running(ada):
        await until(lambda: len(settled) == 1)
        town.produce(events(20))
        await until(town.applied_all)
        async with running(bob):
            await until(lambda: len(settled) == 3)
            town.produce(events(20))
            await until(town.applied_all)
        await until(lambda: len(settled) == 4)
        town.produce(events(20))
        await until(town.applied_all)

    town.check()


async def test_an_idle_worker_has_no_timers_of_fausts_but_that_of_commits(town: Town) -> None:
    worker = town.worker()

    async with running(worker):
        await until(lambda: worker.ready)
        reader: Any = worker._app.reader  # noqa: SLF001 - who else has timers
        thread = reader._thread  # noqa: SLF001
        tasks = " ".join((*reader.tracebacks(), *thread.tracebacks()))

        assert set(re.findall(r"\.(\w+) at", tasks)) - {"_settle_down"} == {"_commit_handler"}


class Fetches:
    """Those that aiokafka's thread was asked for."""

    begun = 0
    ended = 0


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> Fetches:
    found = Fetches()
    fetch: Any = CheckpointedThread._fetch_records  # noqa: SLF001 - it has no listeners

    async def noted(*args: Any) -> Any:
        found.begun += 1
        try:
            return await fetch(*args)
        finally:
            found.ended += 1

    monkeypatch.setattr(CheckpointedThread, "_fetch_records", noted)
    return found


async def test_a_fetch_that_is_given_up_takes_nothing_with_it(
    town: Town, sought: list[TP], fetches: Fetches
) -> None:
    worker = town.worker()

    async with running(worker):
        for _ in range(3):
            town.produce(events(16))
            await until(town.applied_all)
            await until(lambda: fetches.begun > fetches.ended)
            before = fetches.begun
            await give_up_fetching(worker)
            await until(lambda before=before: fetches.begun > before)  # type: ignore[misc]
            assert fetches.begun - fetches.ended == 1
        town.produce(events(16))
        await until(town.applied_all)

    assert sought == []
    town.check()


async def test_what_comes_while_fetches_are_given_up_is_applied(town: Town) -> None:
    worker = town.worker()

    async with running(worker):
        await until(lambda: worker.ready)
        for _ in range(20):
            town.produce(events(100))
            await give_up_fetching(worker)
        await until(town.applied_all)

    town.check()


async def test_a_worker_whose_store_hangs_goes_on_telling_its_group_that_it_is_there(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    tell: Any = GroupCoordinator._do_heartbeat  # noqa: SLF001 - it has no listeners

    async def noted(self: GroupCoordinator) -> bool:
        told.append(await tell(self))
        return told[-1]

    monkeypatch.setattr(GroupCoordinator, "_do_heartbeat", noted)
    monkeypatch.setattr(faust_app, "HEARTBEAT_S", 0.1)
    ada = town.notebook_of("ada")
    async with running(town.worker(ada)):
        town.produce(events(20))
        await ada.begun.wait()
        told.clear()
        await until(lambda: len(told) >= BEATS)
        ada.let_go.set()
        await until(town.applied_all)

    assert all(told)
