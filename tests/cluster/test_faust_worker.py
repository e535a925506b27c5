"""Workers on a real broker: nothing is lost and no checkpoint says too much, whatever dies."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from domain.events import Event, Recorded
from domain.ids import millis_of
from domain.topics import TOPICS, Place, place_of
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.keyring import SqliteKeyring
from projections.projection import StoreUnavailable
from streams.dead_letters import Parked
from streams.envelope import Codec
from streams.faust import worker as faust_worker
from streams.faust.consumer import Fetched
from streams.faust.worker import Worker, WorkerCrashed
from streams.feed import Fed
from streams.records import record_of
from tests import facts
from tests.cluster import local
from tests.cluster.local import LocalCluster
from tests.cluster.notebook import NOTEBOOK, POISON, Notebook
from tests.programs import free_port, get

PARTITIONS: Final = 8
EVENTS: Final = 5_000
WAIT_S: Final = 60.0
AGAIN_S: Final = 0.05
# Longer than a group waits for its members.
BROKER_AWAY_S: Final = 10.0
_runs = count(1)


class Town:
    """Topics of a test's own, a file that workers fill, and workers as processes."""

    def __init__(self, brokers: str, folder: Path, opened: ExitStack) -> None:
        self.brokers = brokers
        self.folder = folder
        self.prefix = f"w{os.getpid()}_{next(_runs)}."
        self.notebook = Notebook(folder / "notebook.db")
        self.letters = opened.enter_context(closing(SqliteDeadLetters(folder / "dead_letters.db")))
        self.codec = Codec(opened.enter_context(closing(SqliteKeyring(folder / "keys.db"))))
        self.ends: Counter[int] = Counter()
        self._opened = opened
        self._producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True, "log_level": 0})

    def create_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})
        names = [f"{self.prefix}{topic}" for topic in TOPICS]
        made = admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        for future in made.values():
            future.result(WAIT_S)
        self._opened.callback(lambda: admin.delete_topics(names))

    def produce(self, events: Sequence[Event]) -> list[Place]:
        """Into all partitions in turn; where, once the broker has all of them."""
        places = []
        for event in events:
            record = record_of(event, event.event_id, self.codec)
            places.append(Place(record.topic, millis_of(event.event_id) // 60_000 % PARTITIONS))
            self._send(places[-1], record.key, record.value, list(record.headers))
        assert self._producer.flush(WAIT_S) == 0
        return places

    def produce_garbage(self, place: Place) -> None:
        self._send(
            place, b"1", b"garbage", [("ce_type", b"tweet.posted.v1"), ("ce_streamversion", b"1")]
        )
        assert self._producer.flush(WAIT_S) == 0

    def _send(self, place: Place, key: bytes, value: bytes, headers: list[Any]) -> None:
        self.ends[place.number] += 1
        topic = f"{self.prefix}{place.topic}"
        self._producer.produce(topic, value, key, place.partition, headers=headers)
        self._producer.poll(0)

    def worker(self, store: Notebook | None = None, **options: Any) -> Worker:
        """A worker for this process."""
        return Worker(
            NOTEBOOK,
            store or self.notebook,
            self.letters,
            self.codec,
            self.brokers,
            prefix=self.prefix,
            **options,
        )

    def process(
        self, name: str, slow_s: float = 0.0, port: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """A worker as a process; its log is in the folder."""
        log = self._opened.enter_context((self.folder / f"{name}.log").open("wb"))
        told = [str(self.folder), self.brokers, self.prefix, name, str(slow_s)]
        told += [] if port is None else [str(port)]
        command = (sys.executable, "-m", "tests.cluster.worker_process", *told)
        started = subprocess.Popen(command, stdout=log, stderr=log)
        self._opened.callback(started.wait)
        self._opened.callback(started.kill)
        return started

    def commit_everything(self, group: str) -> None:
        """As if all had been consumed, as far as the broker knows."""
        ends = [self._at(number, end) for number, end in self.ends.items()]
        with closing(self._consumer(group)) as consumer:
            consumer.commit(offsets=ends, asynchronous=False)

    def committed(self, group: str) -> dict[int, int]:
        """What the broker knows of the group, by the numbers of places."""
        with closing(self._consumer(group)) as consumer:
            found = consumer.committed([self._at(number, 0) for number in self.ends], WAIT_S)
        places = [(Place(f.topic.removeprefix(self.prefix), f.partition), f.offset) for f in found]
        return {place.number: offset for place, offset in places if offset >= 0}

    def _consumer(self, group: str) -> Consumer:
        return Consumer({"bootstrap.servers": self.brokers, "group.id": group})

    def _at(self, number: int, offset: int) -> TopicPartition:
        place = place_of(number)
        return TopicPartition(f"{self.prefix}{place.topic}", place.partition, offset)

    def applied_all(self) -> bool:
        return self.notebook.highest() == dict(self.ends)

    def check(self) -> None:
        """Everything was applied, and at no time did a checkpoint say more than was there."""
        assert self.notebook.highest() == dict(self.ends)
        noted = {(one.partition, one.position) for one in self.notebook.noted()}
        ends = self.ends.items()
        assert noted == {(place, at) for place, end in ends for at in range(1, end + 1)}
        assert self.notebook.promises_too_much() == []


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


@pytest.fixture
def town(cluster: LocalCluster, tmp_path: Path) -> Iterator[Town]:
    with ExitStack() as opened:
        town = Town(f"127.0.0.1:{cluster.ports.kafka}", tmp_path, opened)
        town.create_topics()
        yield town


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator["asyncio.Task[None]"]:
    """The worker at work in this process, until the context ends."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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


async def until(true: Callable[[], bool]) -> None:
    """Ask again until it is so: other processes tell nobody when."""
    async with asyncio.timeout(WAIT_S):
        while not true():
            await asyncio.sleep(AGAIN_S)


def letters_in(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "dead_letters.db")) as file:
        return int(file.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0])


def events(number: int) -> list[Event]:
    """Tweets and likes of them, on two topics."""
    found: list[Event] = []
    for _ in range(number // 2):
        tweet = facts.tweet("ada")
        found += [tweet, facts.liked("bob", tweet)]
    return found


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


async def test_a_worker_that_is_killed_in_the_middle_leaves_no_gap(town: Town) -> None:
    town.produce(events(EVENTS))
    first = town.process("first", slow_s=0.1)
    await until(lambda: town.notebook.steps() > EVENTS // 5)

    first.kill()
    before = town.notebook.steps()
    town.process("second")
    await until(town.applied_all)

    assert before < EVENTS
    town.check()


async def test_a_worker_that_is_told_to_stop_ends_in_order(town: Town) -> None:
    town.produce(events(EVENTS))
    worker = town.process("first", slow_s=0.1)
    await until(lambda: town.notebook.steps() > 0)

    worker.terminate()
    status = await asyncio.to_thread(worker.wait, WAIT_S)

    assert status == 0
    assert town.notebook.promises_too_much() == []


async def test_a_worker_tells_on_a_port_of_its_own_how_it_does(town: Town) -> None:
    town.produce(events(100))
    port = free_port()
    town.process("first", port=port)
    await until(town.applied_all)

    ready, metrics = get(port, "/readyz"), get(port, "/metrics").text

    assert get(port, "/livez").json() == {"state": "up"}
    assert (ready.status_code, ready.json()["state"]) == (200, "up")
    assert 'starling_worker_events_total{projection="notebook"} 100.0' in metrics
    assert 'starling_projection_lag_events{projection="notebook"} 0.0' in metrics
    assert 'starling_projection_partitions{projection="notebook"} 16.0' in metrics


async def test_a_worker_that_cannot_begin_is_not_ready(town: Town) -> None:
    port = free_port()
    town.notebook.have_an_outage()
    town.process("first", port=port)
    await until(lambda: "cannot go on" in (town.folder / "first.log").read_text())

    ready = get(port, "/readyz")

    assert ready.status_code == 503
    assert {part["name"]: part["state"] for part in ready.json()["parts"]} == {
        "log": "down",
        "notebook": "down",
    }


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
async def test_another_worker_takes_over_the_partitions_of_one_that_is_gone(
    town: Town, fate: signal.Signals
) -> None:
    workers = {name: town.process(name, slow_s=0.02) for name in ("ada", "bob")}
    await both_work(town)

    workers["ada"].send_signal(fate)
    town.produce(events(EVENTS))
    await until(town.applied_all)
    workers["ada"].send_signal(signal.SIGCONT)
    town.produce(events(100))
    await until(town.applied_all)

    town.check()


async def test_workers_that_come_and_go_lose_nothing(town: Town) -> None:
    names = (f"worker_{number}" for number in count())
    workers = [town.process(next(names), slow_s=0.02)]
    for turn in range(3):
        town.produce(events(EVENTS // 5))
        workers.append(town.process(next(names), slow_s=0.02))
        await until(lambda turn=turn: town.notebook.steps() > turn * EVENTS // 5)  # type: ignore[misc]
        workers.pop(0).kill()
    await until(town.applied_all)

    town.check()


async def both_work(town: Town) -> None:
    """Produce until two workers share the partitions."""
    async with asyncio.timeout(WAIT_S):
        while len(town.notebook.writers()) < 2:
            town.produce(events(40))
            await asyncio.sleep(AGAIN_S)


async def test_poison_and_garbage_are_parked_and_the_partition_goes_on(town: Town) -> None:
    town.produce(events(20))
    town.produce([facts.tweet("cleo", POISON), facts.tweet("dan"), facts.tweet("cleo")])
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
    parked = Parked("notebook", place.number, 1, event.key, "a bug that was mended")
    await town.letters.park([parked])
    assert await town.letters.request("notebook", place.number, 1, "retry")
    found = Recorded(event, event.event_id, 1, place.number)

    async with running(town.worker(feed=OneEvent(found))):
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
    monkeypatch.setattr(faust_worker, "fed_of", broken)

    with pytest.raises(WorkerCrashed, match="a bug"):
        await worker.run()

    assert town.notebook.highest() == {}
    assert town.committed(worker.group) == {}


async def test_a_worker_without_a_broker_says_so(town: Town) -> None:
    town.brokers = f"127.0.0.1:{free_port()}"

    with pytest.raises(WorkerCrashed):
        await town.worker().run()


@pytest.mark.torture
async def test_workers_go_on_when_a_broker_that_died_is_back(
    engines_can_run: None, tmp_path: Path
) -> None:
    own = local.own(("kafka",))
    own.up()
    try:
        with ExitStack() as opened:
            town = Town(f"127.0.0.1:{own.ports.kafka}", tmp_path, opened)
            town.create_topics()
            workers = [town.process(name, slow_s=0.02) for name in ("ada", "bob")]
            await both_work(town)
            town.produce(events(EVENTS))

            os.kill(own.status()["kafka"]["pid"], signal.SIGKILL)
            await asyncio.sleep(BROKER_AWAY_S)
            own.up()
            town.produce(events(100))
            await until(town.applied_all)

            assert [worker.poll() for worker in workers] == [None, None]
            town.check()
    finally:
        local.stop(own.folder.name)


async def test_a_process_whose_worker_crashed_says_so(town: Town) -> None:
    town.notebook.have_a_bug()
    town.produce(events(10))

    process = town.process("first")

    assert await asyncio.to_thread(process.wait, WAIT_S) not in {0, None}


async def test_a_topic_that_lacks_what_follows_the_checkpoint_stalls_its_partition(
    town: Town,
) -> None:
    town.produce(events(100))
    await town.notebook.apply((), {Place("new_tweet", 0).number: 1_000})
    worker = town.worker()

    async with running(worker):
        await until(lambda: town.notebook.steps() == 100 - town.ends[Place("new_tweet", 0).number])
        await until(lambda: worker.stalled_by is not None)

        assert not worker.ready
        assert worker.stalled_by is not None
        assert "1000 is next" in worker.stalled_by
