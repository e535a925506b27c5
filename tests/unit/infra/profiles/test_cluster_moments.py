"""Where the topics were at a time: by when records came, and by the events' own times."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import IMPORT_WORKER, compose
from domain.topics import Place
from infra.kafka.reading import KafkaRecord
from infra.profiles.cluster_moments import TopicsLog
from tests.facts import NOON_MS

TWEETS: Final = Place("new_tweet", 3)
OLD_MS: Final = NOON_MS - 10_000_000


class Came(NamedTuple):
    """A record: when its event was made, when it came; whether it was imported."""

    made_ms: int
    came_ms: int
    imported: bool = False

    @property
    def event_id(self) -> int:
        if self.imported:
            return compose(OLD_MS, IMPORT_WORKER, 0)
        return compose(self.made_ms, 1, 0)


class Topics:
    """One partition, of which Kafka has what is behind `start`; the archive has the rest."""

    def __init__(self, came: Sequence[Came], start: int = 0) -> None:
        self.came = came
        self.start = start
        self.read_records = 0
        topics: Any = self
        self.log = TopicsLog(topics, topics)

    async def ends(self) -> Mapping[Place, int]:
        return {TWEETS: len(self.came)}

    async def starts(self) -> Mapping[Place, int]:
        return {TWEETS: self.start}

    async def since(self, at_ms: int) -> Mapping[Place, int]:
        """As Kafka answers."""
        kept = range(self.start, len(self.came))
        found = [n for n in kept if self.came[n].came_ms >= at_ms]
        return {TWEETS: found[0]} if found else {}

    async def read(
        self, place: Place, after: int, until: int, start: int
    ) -> AsyncIterator[Sequence[KafkaRecord]]:
        assert (place, start) == (TWEETS, self.start)
        assert after <= until <= len(self.came)
        self.read_records += until - after
        yield [
            KafkaRecord(n, b"7", b"", [("ce_id", b"%d" % self.came[n].event_id)])
            for n in range(after, until)
        ]

    async def at(self, at_ms: int) -> int:
        return (await self.log.positions_at(at_ms))[TWEETS.number]


def each_second(count: int) -> list[Came]:
    return [Came(NOON_MS + 1_000 * n, NOON_MS + 1_000 * n + 3) for n in range(count)]


async def test_what_was_on_its_way_then_is_there() -> None:
    topics = Topics([Came(NOON_MS, NOON_MS + 1), Came(NOON_MS + 5, NOON_MS + 40)])

    assert await topics.at(NOON_MS + 10) == 2
    assert await topics.at(NOON_MS + 4) == 1


async def test_a_clock_that_is_fast_is_corrected() -> None:
    topics = Topics([Came(NOON_MS, NOON_MS + 1), Came(NOON_MS + 300, NOON_MS + 2)])

    assert await topics.at(NOON_MS + 100) == 1


async def test_imported_events_count_from_when_they_came() -> None:
    imports = [Came(0, NOON_MS + 100 + n, imported=True) for n in range(10)]
    topics = Topics([Came(NOON_MS, NOON_MS), *imports, Came(NOON_MS + 999, NOON_MS + 999)])

    assert [await topics.at(NOON_MS + ms) for ms in (50, 105, 500)] == [1, 6, 11]


async def test_what_kafka_no_longer_has_is_looked_up_in_the_archive() -> None:
    topics = Topics(each_second(5_000), start=4_000)

    assert await topics.at(NOON_MS + 1_234_000) == 1_235
    assert topics.read_records < 4_000
    assert await topics.at(NOON_MS + 4_500_000) == 4_501
    assert await topics.at(NOON_MS - 1) == 0


async def test_a_time_after_everything_is_the_end() -> None:
    assert await Topics(each_second(10)).at(NOON_MS + 10**9) == 10
    assert await Topics([]).at(NOON_MS) == 0


async def test_positions_were_when_their_newest_events_were_made() -> None:
    topics = Topics([*each_second(3), Came(0, NOON_MS + 9_999, imported=True)])

    assert await topics.log.at_ms({TWEETS.number: 2}) == NOON_MS + 1_000
    assert await topics.log.at_ms({TWEETS.number: 4}) == NOON_MS + 2_000
    assert await topics.log.at_ms({TWEETS.number: 0}) == 0
    assert await Topics(topics.came[3:]).log.at_ms({TWEETS.number: 1}) == OLD_MS


@given(
    gaps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20), st.booleans()), max_size=60),
    at=st.integers(-5, 300),
)
async def test_it_is_before_the_first_that_is_later(
    gaps: list[tuple[int, int, bool]], at: int
) -> None:
    came, now = [], NOON_MS
    for gap, delay, imported in gaps:
        now += gap
        came.append(Came(now - delay, now, imported))
    at_ms = NOON_MS + at

    later = (
        n for n, c in enumerate(came) if (c.came_ms >= at_ms if c.imported else c.made_ms > at_ms)
    )
    assert await Topics(came).at(at_ms) == min(later, default=len(came))
