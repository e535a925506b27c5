"""A worker on a real broker: what it takes, where it begins, and what becomes of faults."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest

from domain.events import Recorded
from domain.topics import Place
from projections.projection import StoreUnavailable
from streams.dead_letters import Build, Parked
from streams.faust import reading
from streams.faust import worker as faust_worker
from streams.faust.consumer import Fetched
from streams.faust.worker import WorkerCrashed
from streams.feed import Fed
from tests import facts
from tests.cluster.local import own_port
from tests.cluster.notebook import POISON, Notebook
from tests.cluster.worker_town import PARTITIONS, Town, events, letters_in, running, until

EVENTS: Final = 5_000
NOTEBOOKS: Final = Build("notebook", 1, 1)


class Lossy(asyncio.Queue[Fetched]):
    """An inbox that loses some of what it is given, as Faust may around a rebalance."""

    def __init__(self, lost: set[int]) -> None:
        super().__init__()
        self._lost = lost
        self.given = 0

    async def put(self, item: Fetched) -> None:
        self.given += 1
        if self.given not in self._lost:
            await super().put(item)


class OneEvent:
    """A feed that holds one event."""

    def __init__(self, event: Recorded) -> None:
        self._event = event
        self.partitions = (event.partition,)

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        return [self._event] if partition == self._event.partition and after == 0 else []

    async def wait(self, partition: int, after: int) -> None:
        raise NotImplementedError

    def head(self, partition: int) -> int:
        return self._event.position


async def test_everything_is_applied_and_the_checkpoint_is_at_the_ends(town: Town) -> None:
    town.produce(events(EVENTS))

    async with running(town.worker()):
        await until(town.applied_all)
        town.produce(events(10))
        await until(town.applied_all)

    town.check()


async def test_a_worker_begins_at_the_sinks_checkpoint_whatever_the_broker_says(town: Town) -> None:
    town.produce(events(200))
    worker = town.worker()
    town.commit_everything(worker.group)

    async with running(worker):
        await until(town.applied_all)

    town.check()


async def test_the_broker_is_told_how_far_the_sink_is(town: Town) -> None:
    town.produce(events(200))
    worker = town.worker()

    async with running(worker):
        await until(town.applied_all)

    assert town.committed(worker.group) == dict(town.ends)


async def test_what_is_lost_on_the_way_is_read_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust_worker, "ROUND_S", 0.1)
    town.produce(events(EVENTS))
    worker = town.worker()
    worker.inbox = lossy = Lossy({2, 3, 17})

    async with running(worker):
        await until(town.applied_all)

    assert lossy.given > 17
    town.check()


async def test_what_is_lost_at_the_end_is_read_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust_worker, "ROUND_S", 0.1)
    town.produce(events(16))
    worker = town.worker()
    worker.inbox = Lossy(set(range(1, 5)))

    async with running(worker):
        await until(town.applied_all)

    town.check()


async def test_poison_and_garbage_are_parked_and_the_partition_goes_on(town: Town) -> None:
    town.produce(events(20))
    town.produce([facts.tweet("cleo", POISON, at=8 * PARTITIONS), facts.tweet("dan")])
    town.produce([facts.tweet("cleo", at=9 * PARTITIONS)])
    town.produce_garbage(Place("new_tweet", 3))
    town.produce(events(20))

    async with running(town.worker()):
        await until(town.applied_all)

    letters = await town.letters.parked("notebook", 10)
    assert sorted(letter.error.split(":")[0] for letter in letters) == [
        "ValueError",
        "follows a parked event of its key",
        "tweet.posted.v1",
    ]
    assert len(town.notebook.noted()) == sum(town.ends.values()) - 3


async def test_what_was_parked_is_applied_by_its_owner_when_that_is_asked_for(town: Town) -> None:
    event = facts.tweet("cleo")
    place = town.produce([event])[0]
    parked = Parked(NOTEBOOKS, place.number, 1, event.key, "a bug that was mended")
    await town.letters.park([parked])
    assert await town.letters.request("notebook", place.number, 1, "retry")
    found = Recorded(event, event.event_id, 1, place.number)

    async with running(town.worker(lookup=OneEvent(found))):
        await until(lambda: town.notebook.steps() > 0)
        await until(lambda: not letters_in(town.folder))

    assert {one.event_id for one in town.notebook.noted()} == {event.event_id}


@pytest.mark.parametrize("outages", [1, 3])
async def test_a_sink_that_is_down_is_waited_for(town: Town, outages: int) -> None:
    town.produce(events(100))
    town.notebook.outages = [StoreUnavailable("down")] * outages
    worker = town.worker()

    async with running(worker):
        await until(lambda: worker.stalled_by is not None or town.applied_all())
        await until(town.applied_all)

        assert worker.stalled_by is None
        assert worker.positions == worker.heads
    town.check()


async def test_a_worker_whose_partitions_another_claimed_for_a_moment_goes_on(town: Town) -> None:
    town.produce(events(100))
    late = Notebook(town.folder / "notebook.db")

    async with running(town.worker()):
        await until(town.applied_all)
        # Of one that is no member any more, and whose claim took its time.
        await late.claim(list(town.ends))
        town.produce(events(100))
        await until(town.applied_all)

    assert town.notebook.refused() == {""}
    town.check()


async def test_a_bug_of_the_sink_ends_the_worker_and_acknowledges_nothing(town: Town) -> None:
    town.produce(events(100))
    town.notebook.have_a_bug()

    with pytest.raises(WorkerCrashed, match="a bug"):
        await town.worker().run()

    assert town.notebook.highest() == {}


async def test_a_bug_beside_the_pipeline_ends_the_worker_and_acknowledges_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    town.produce(events(100))
    worker = town.worker()
    monkeypatch.setattr(reading, "fed_of", broken)

    with pytest.raises(WorkerCrashed, match="a bug"):
        await worker.run()

    assert town.notebook.highest() == {}
    assert town.committed(worker.group) == {}


async def test_a_worker_waits_for_the_broker(town: Town) -> None:
    town.produce(events(10))
    nowhere = f"127.0.0.1:{own_port()}"
    worker = town.worker(brokers=f"{nowhere},{town.brokers}")
    brokers_down = town.worker(brokers=nowhere)

    async with running(brokers_down), running(worker):
        await until(town.applied_all)

        assert brokers_down.stalled_by is not None
        assert not brokers_down.ready


async def test_a_topic_that_lacks_what_follows_the_checkpoint_stalls_its_partition(
    town: Town,
) -> None:
    town.produce(events(100))
    await town.notebook.apply((), {Place("new_tweet", 0).number: 1_000})
    worker = town.worker()

    async with running(worker):
        await until(lambda: town.notebook.steps() == 100 - town.ends[Place("new_tweet", 0).number])
        # A broker that is slow stalls it for a moment too.
        await until(lambda: "1000 is next" in (worker.stalled_by or ""))

        assert not worker.ready
