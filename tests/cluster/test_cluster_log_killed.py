"""Engines die by kill -9: what was acknowledged is there, and the log is whole and goes on."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

import pytest

from commands.ports import Append
from domain.errors import Unavailable
from domain.events import TweetPosted
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.intents import SLOT_MS
from infra.cluster.processes import has_ended
from infra.cluster.sockets import taken
from infra.kafka.producer import LIMITS
from infra.kafka.reading import PartitionReader
from infra.kafka.topics import KafkaTopics
from infra.stamps import wall_clock_ms
from tests import facts
from tests.cluster import cassandra_log, local
from tests.cluster.local import LocalCluster
from tests.cluster.log_world import followed, somebody
from tests.cluster.round_trips import ROUND_TRIPS

WRITERS: Final = 8
BEFORE, AFTER = 200, 100
# For what always comes: a machine may be slow, and busy with other things.
BACK_S: Final = 300
HOLD_THE_TRUTH: Final = ("kafka", "cassandra", "redis", "postgresql")


@pytest.fixture(scope="module")
def own(engines_can_run: None) -> Iterator[LocalCluster]:
    own = local.own(HOLD_THE_TRUTH)
    own.up()
    yield own
    local.stop(own.folder.name)


class Load:
    """Writers that follow and tweet until they are stopped, whatever becomes of the engines."""

    def __init__(self, log: ClusterEventLog) -> None:
        self._log = log
        self._stopped = False
        self.follows: list[Append] = []
        self.tweets: list[TweetPosted] = []
        self.failures = 0
        self._grown = asyncio.Condition()

    async def run(self) -> None:
        await asyncio.gather(*(self._write(n) for n in range(WRITERS)))

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(BACK_S), self._grown:
            await self._grown.wait_for(reached)

    def stop(self) -> None:
        self._stopped = True

    @property
    def acknowledged(self) -> int:
        return len(self.follows) + len(self.tweets)

    async def _write(self, writer: int) -> None:
        for n in count():
            if self._stopped:
                return
            try:
                await self._one(append=(writer + n) % 2 == 0)
            except Unavailable:
                self.failures += 1
                await asyncio.sleep(0.1)
            async with self._grown:
                self._grown.notify_all()

    async def _one(self, *, append: bool) -> None:
        if append:
            follow = followed(somebody(), facts.account("bob"))
            await self._log.append([follow])
            self.follows.append(follow)
        else:
            tweet = facts.tweet("ada")
            await self._log.publish([tweet])
            self.tweets.append(tweet)


@pytest.mark.parametrize("engine", ["cassandra", "kafka"])
async def test_acknowledged_commands_survive_and_the_log_goes_on_by_itself(
    own: LocalCluster, engine: str
) -> None:
    await cassandra_log.make(own)
    async with (
        cassandra_log.session_on(own) as session,
        cassandra_log.producer_on(own, limits=LIMITS) as producer,
    ):
        ms = [wall_clock_ms()]
        await cassandra_log.empty(session)
        log = cassandra_log.log_on(session, producer, now_ms=lambda: ms[0])
        await log.create()
        load = Load(log)
        writing = asyncio.create_task(load.run())
        await load.until(lambda: load.acknowledged >= BEFORE)

        await asyncio.to_thread(own.kill, engine)
        if engine == "cassandra":
            await load.until(lambda: load.failures > 0)
        await asyncio.to_thread(own.up)
        # These need both engines; what is appended is acknowledged without Kafka.
        after = len(load.tweets) + AFTER
        await load.until(lambda: len(load.tweets) >= after)
        load.stop()
        await writing
        ms[0] += 10 * SLOT_MS
        await log.relay.catch_up()

        for follow in load.follows:
            (found,) = await log.history(follow.stream)
            assert found.event == follow.events[0]
        for tweet in load.tweets:
            (found,) = await log.history(tweet.stream)
            assert found.event == tweet
        published = await asyncio.to_thread(subjects, own)
        assert {follow.stream for follow in load.follows} <= published
        assert {tweet.stream for tweet in load.tweets} <= published


def subjects(own: LocalCluster) -> set[str]:
    """Of all records in the topics."""
    ends = asyncio.run(KafkaTopics(cassandra_log.servers(own), prefix=cassandra_log.PREFIX).ends())
    reader = PartitionReader(cassandra_log.servers(own), prefix=cassandra_log.PREFIX)
    found: set[str] = set()
    for place, end in ends.items():
        position = 0
        while position < end:
            records = reader.read(place, position, 500)
            found |= {dict(record.headers)["ce_subject"].decode() for record in records}
            position = records[-1].offset + 1
    reader.close()
    return found


def test_what_was_acknowledged_survives_the_death_of_the_engines(own: LocalCluster) -> None:
    """Of all that hold what cannot be made again; last of all, as it ends them."""
    for engine in own.only:
        ROUND_TRIPS[engine].write(own.ports, f"acknowledged by {engine}")

    own.kill(*own.only)

    assert {one["state"] for one in own.status().values()} == {"crashed"}
    own.up()
    assert {name: ROUND_TRIPS[name].read(own.ports) for name in own.only} == {
        name: f"acknowledged by {name}" for name in own.only
    }

    pids = [one["pid"] for one in own.status().values()]
    own.down()

    assert {one["state"] for one in own.status().values()} == {"stopped"}
    assert all(has_ended(pid) for pid in pids)
    assert taken(own.ports) == []
