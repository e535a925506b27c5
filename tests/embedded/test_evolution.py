"""An event that changed its shape, in a real log: what was written before is read, replayed and
exported in today's shape; a program of yesterday waits instead of guessing.

This is the example that docs/events.md points to.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from domain.events import Event, Fact, Recorded, TweetPosted
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.event_log import SqliteEventLog
from infra.sqlite.feed import PARTITION, SqliteFeed
from infra.sqlite.keyring import SqliteKeyring
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.envelope import Codec
from streams.pipeline import Paused, Pipeline
from streams.rebuild import rebuild
from tests import facts

ADA = facts.account("ada")


class Moved(Fact, frozen=True, kw_only=True):
    """Yesterday: a place in one word."""

    TYPE: ClassVar[str] = "test.moved"
    TOPIC: ClassVar[str] = "user_events"

    place: str

    @property
    def stream(self) -> str:
        return f"moved/{self.event_id}"


class MovedTo(Fact, frozen=True, kw_only=True):
    """Today: a town and a country. Named in the log as ever; the schema says which of the two."""

    TYPE: ClassVar[str] = "test.moved"
    SCHEMA: ClassVar[int] = 2
    TOPIC: ClassVar[str] = "user_events"

    town: str
    country: str

    @property
    def stream(self) -> str:
        return f"moved/{self.event_id}"


def _in_two(fields: dict[str, Any]) -> dict[str, Any]:
    town, _, country = fields.pop("place").partition(", ")
    return fields | {"town": town, "country": country or "unknown"}


class Programs:
    """The program of yesterday and that of today, on one log."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened
        keyring = opened.enter_context(closing(SqliteKeyring(folder / "keys.db")))
        self.yesterday = Codec(keyring, types={Moved.TYPE: Moved})
        self.today = Codec(
            keyring, types={MovedTo.TYPE: MovedTo}, upcasters={("test.moved", 1): _in_two}
        )
        letters = SqliteDeadLetters(folder / "dead_letters.db")
        self.letters = opened.enter_context(closing(letters))

    async def write(self, codec: Codec, *events: Event) -> None:
        log = SqliteEventLog(self._folder / "log.db", codec, now_ms=wall_clock_ms)
        for event in events:
            await log.publish([event])
        log.close()

    def feed(self, codec: Codec) -> SqliteFeed:
        return self._opened.enter_context(closing(SqliteFeed(self._folder / "log.db", codec)))

    async def replay(self, codec: Codec, event: type[Event]) -> list[Event]:
        """What a projection of that program makes of the whole log."""
        found = Found()
        projection = Projection("moves", 1, frozenset({event}), _events)
        pipeline = Pipeline(projection, found, self.letters, stalled=lambda _name, _error: None)
        feed = self.feed(codec)
        ends = {PARTITION: feed.head(PARTITION)}
        await rebuild(pipeline, feed, ends, report=lambda _rebuilt: None)
        return found.events


class Found:
    """A store that keeps the events themselves."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._reached: dict[int, int] = {}

    async def apply(self, operations: Sequence[Event], checkpoint: Mapping[int, int]) -> None:
        self.events += operations
        self._reached.update(checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        return self._reached


def _events(batch: Sequence[Recorded]) -> Sequence[Event]:
    return [recorded.event for recorded in batch]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with ExitStack() as opened:
        yield Programs(tmp_path, opened)


def moved(place: str) -> Moved:
    return Moved(event_id=facts.event_id(), actor_id=ADA, place=place)


def moved_to(town: str, country: str) -> MovedTo:
    return MovedTo(event_id=facts.event_id(), actor_id=ADA, town=town, country=country)


async def test_a_replay_reads_old_and_new_events_as_todays(programs: Programs) -> None:
    old, older = moved("Turin, Italy"), moved("London")
    new = moved_to("Paris", "France")
    await programs.write(programs.yesterday, old, older)
    await programs.write(programs.today, new)

    found = await programs.replay(programs.today, MovedTo)

    assert found == [
        MovedTo(event_id=old.event_id, actor_id=ADA, town="Turin", country="Italy"),
        MovedTo(event_id=older.event_id, actor_id=ADA, town="London", country="unknown"),
        new,
    ]


async def test_old_events_are_found_by_todays_type(programs: Programs) -> None:
    await programs.write(programs.yesterday, moved("Turin, Italy"))
    await programs.write(programs.today, moved_to("Paris", "France"))

    feed = programs.feed(programs.today)
    every = list(feed.of_types([MovedTo], 0))
    parts = [await feed.read_types(0, at, at + 1, [MovedTo]) for at in range(3)]

    towns = [one.event.town for one in every if isinstance(one.event, MovedTo)]
    assert towns == ["Turin", "Paris"]
    assert parts == [every[:1], every[1:], []]
    assert await feed.read_types(0, 0, 2, [TweetPosted]) == []


async def test_what_is_in_the_log_is_never_rewritten(programs: Programs) -> None:
    old = moved("Turin, Italy")
    await programs.write(programs.yesterday, old)
    await programs.replay(programs.today, MovedTo)

    assert await programs.replay(programs.yesterday, Moved) == [old]


async def test_the_program_of_yesterday_waits_for_todays_events(programs: Programs) -> None:
    await programs.write(programs.yesterday, moved("Turin, Italy"))
    await programs.write(programs.today, moved_to("Paris", "France"))

    with pytest.raises(Paused):
        await programs.replay(programs.yesterday, Moved)

    assert await programs.letters.parked(None, 10) == []
