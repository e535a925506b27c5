"""Dead letters with their events, as a server shows them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from domain.errors import NotFound
from infra.letters_in_clear import LettersInClear
from read_api.dead_letters import OpenedLetter, routes
from read_api.ports import DeadLetter
from streams.dead_letters import Build, Parked
from streams.feed import Fed, Unreadable
from tests.asgi import OpenChecks, ask
from tests.histories import PEOPLE, TEXTS, World
from web.app import build

TRENDS = Build("trends", 1, 1)


class Letters:
    """Trends could not take what is at 1, 2 and 9, of the same key."""

    parked = tuple(Parked(TRENDS, 0, position, 7, "odd") for position in (1, 2, 9))

    async def at(self, projection: str, partition: int, position: int) -> Sequence[DeadLetter]:
        found = [letter for letter in self.parked if letter.position == position]
        return [
            DeadLetter(*TRENDS, letter.partition, letter.position, letter.key, letter.error, None)
            for letter in found
        ]

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        return self.parked


class Log:
    """Its second event cannot be read, and its ninth is not there any more."""

    def __init__(self) -> None:
        world = World()
        world.do("tweet", PEOPLE[0], PEOPLE[1], 1, TEXTS[0])
        self.first = world.log.recorded[0]

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        unreadable = Unreadable(2, "tweet.posted.v1", b"", "Expected `array`", unknown_type=False)
        events: dict[int, Fed] = {0: self.first._replace(position=1), 1: unreadable}
        return [events[after]] if after in events else []


@pytest.fixture
def letters() -> LettersInClear:
    profile: Any = SimpleNamespace(
        dead_letters=Letters(), feed=Log(), projection_names=frozenset({"trends"})
    )
    return LettersInClear(profile)


async def test_an_event_is_shown_with_what_waits_with_it(letters: LettersInClear) -> None:
    answered = await ask(
        build(routes(letters), OpenChecks().edge()),
        "GET",
        "/v1/admin/dead-letters/trends/0/1",
        headers=(("Authorization", "Bearer admin"),),
    )

    shown = msgspec.json.decode(answered.body, type=OpenedLetter)
    assert answered.status == 200
    assert shown.type is not None
    assert shown.at is not None
    assert isinstance(shown.event, dict)
    assert isinstance(shown.event["event_id"], str)
    assert (shown.ahead, shown.behind) == ((), (2, 9))


async def test_what_cannot_be_read_or_is_gone_is_told_so(letters: LettersInClear) -> None:
    unreadable = await letters.opened("trends", 0, 2)
    gone = await letters.opened("trends", 0, 9)

    assert (unreadable.at, unreadable.type) == (None, "tweet.posted.v1")
    assert unreadable.event == "Expected `array`"
    assert (gone.at, gone.type, gone.event) == (None, None, None)
    with pytest.raises(NotFound):
        await letters.opened("trends", 0, 3)
    with pytest.raises(NotFound):
        await letters.opened("nonsense", 0, 1)
