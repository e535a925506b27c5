"""Poison on a real broker: the partition goes on, the key's order is kept, a retry mends the view,
and a worker stops before too many are parked."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from domain.events import Event
from domain.topics import Place
from infra.kafka.feed import KafkaFeed
from streams.faust import worker as faust_worker
from streams.pipeline import FOLLOWS
from tests import facts
from tests.cluster import notebook
from tests.cluster.notebook import POISON
from tests.cluster.worker_town import (
    PARTITIONS,
    Town,
    events,
    letters_in,
    running,
    until,
)

# Everything of cleo's is in the same partition of its topic.
CLEOS = Place("new_tweet", 4)


@pytest.fixture
def town(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """One whose workers soon look again what became of poison."""
    monkeypatch.setattr(faust_worker, "ROUND_S", 0.1)
    monkeypatch.setattr(faust_worker, "PAUSED_RETRY_S", 0.1)
    return town


@asynccontextmanager
async def feed_of(town: Town) -> AsyncIterator[KafkaFeed]:
    feed = KafkaFeed(town.brokers, town.codec, prefix=town.prefix)
    await feed.start()
    yield feed
    await feed.close()


def of_cleo(minute: int, text: str = "hello") -> Event:
    return facts.tweet("cleo", text, at=1_000_000 + minute * PARTITIONS)


def in_order(town: Town, place: Place) -> list[int]:
    """The positions of a partition in the order in which they were applied first."""
    with closing(sqlite3.connect(town.folder / "notebook.db")) as file:
        found = file.execute(
            "SELECT position FROM noted WHERE partition = ? ORDER BY step", (place.number,)
        )
        return list(dict.fromkeys(position for (position,) in found))


async def test_a_retry_after_the_fix_gives_the_view_of_a_run_without_poison(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert town.produce([of_cleo(0), of_cleo(1, POISON)]) == [CLEOS, CLEOS]
    town.produce(events(40))
    town.produce([of_cleo(2), of_cleo(3, POISON), of_cleo(4)])

    async with feed_of(town) as feed, running(town.worker(lookup=feed)):
        await until(town.applied_all)
        letters = await town.letters.parked("notebook", 10)
        behind = [letter for letter in letters if letter.error == FOLLOWS]
        assert (len(letters), len(behind)) == (4, 3)
        assert {letter.partition for letter in letters} == {CLEOS.number}
        assert await town.letters.retry_all("notebook") == 4
        await until(lambda: town.notebook.steps() > 0 and not asked_in(town))
        assert letters_in(town.folder) == 4

        monkeypatch.setattr(notebook, "POISON", "mended")
        assert await town.letters.request("notebook", CLEOS.number, letters[-1].position, "retry")
        await until(lambda: not letters_in(town.folder))
        town.produce([of_cleo(5)])
        await until(town.applied_all)

    assert len(town.notebook.noted()) == sum(town.ends.values())
    applied = in_order(town, CLEOS)
    late = [letter.position for letter in letters]
    assert [position for position in applied if position in late] == late
    assert applied[-1] == town.ends[CLEOS.number]


async def test_a_worker_stops_before_too_many_are_parked_and_goes_on_when_they_are_fewer(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.letters.parked_max = 2
    town.produce([facts.tweet(name, POISON) for name in facts.NAMES])

    async with feed_of(town) as feed:
        worker = town.worker(lookup=feed)
        async with running(worker):
            await until(lambda: "2 dead letters" in (worker.stalled_by or ""))
            assert letters_in(town.folder) == 2

            monkeypatch.setattr(notebook, "POISON", "mended")
            await town.letters.retry_all("notebook")
            await until(town.applied_all)
            assert worker.stalled_by is None
            # What is behind them may come first: they are settled beside it.
            await until(lambda: not letters_in(town.folder))

    assert len(town.notebook.noted()) == len(facts.NAMES)


def asked_in(town: Town) -> int:
    with closing(sqlite3.connect(town.folder / "dead_letters.db")) as file:
        sql = "SELECT COUNT(*) FROM dead_letters WHERE requested IS NOT NULL"
        return int(file.execute(sql).fetchone()[0])
