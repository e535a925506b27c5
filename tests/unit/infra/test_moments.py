"""Which positions a moment means."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from domain.errors import Conflict
from domain.moments import moment_named
from domain.topics import Place
from infra.generations import Generation, Reached, SideGeneration
from infra.moments import ends_of, reached
from projections.projection import Projection
from streams.registry import BY_NAME

NOW_MS: Final = 1_769_860_800_000
NOON: Final = "2026-01-31T12:00:00.000Z"
TWEETS, USERS = Place("new_tweet", 0), Place("user_events", 1)


class Known:
    """What is built already."""

    def __init__(self, *built: Reached) -> None:
        self.built = [
            SideGeneration(Generation("trends", 1, 2, "as_of"), one, whole=False) for one in built
        ]

    async def every(self) -> Sequence[SideGeneration]:
        return self.built

    async def begin(self, projection: Projection, moment: Reached) -> SideGeneration:
        raise NotImplementedError

    async def finish(self, one: SideGeneration) -> None:
        raise NotImplementedError


class Log:
    """Two partitions, which were half as far once."""

    async def ends(self) -> Mapping[int, int]:
        return {TWEETS.number: 20, USERS.number: 8}

    async def positions_at(self, at_ms: int) -> Mapping[int, int]:
        assert at_ms <= NOW_MS
        return {TWEETS.number: 10, USERS.number: 4}

    async def at_ms(self, vector: Mapping[int, int]) -> int:
        return sum(vector.values())


async def asked(text: str, *built: Reached) -> Reached:
    return await reached(moment_named(text), Known(*built), Log(), lambda: NOW_MS)


async def test_a_time_is_where_every_partition_was() -> None:
    expected = {"new_tweet/0": 10, "user_events/1": 4}

    assert await asked("2026-01-31T12:00:00Z") == Reached(NOON, NOW_MS, expected)


async def test_partitions_that_are_not_named_count_as_they_are_now() -> None:
    expected = {"new_tweet/0": 7, "user_events/1": 8}

    assert await asked("new_tweet/0:7") == Reached("new_tweet/0:7", 15, expected)


async def test_a_moment_that_is_known_means_the_same_for_every_projection() -> None:
    known = Reached("new_tweet/0:7", 3, {"new_tweet/0": 7, "user_events/1": 1})

    assert await asked("new_tweet/0:7", known) == known


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-31T12:00:00.001Z", "still to come"),
        ("new_tweet/0:21", "new_tweet/0 has come to 20 only"),
        ("new_tweet/7:1", "no partition new_tweet/7"),
        ("log/0:1", "no partition log/0"),
        ("elsewhere/0:1", "no partition elsewhere/0"),
    ],
)
async def test_what_the_log_has_not_come_to_is_a_conflict(text: str, reason: str) -> None:
    with pytest.raises(Conflict, match=reason):
        await asked(text)


def test_a_projection_is_filled_from_the_partitions_that_it_reads() -> None:
    moment = Reached(NOON, NOW_MS, {"new_tweet/0": 7, "user_events/1": 1, "new_follow/0": 5})

    assert ends_of(moment, BY_NAME["account_directory"]) == {USERS.number: 1}
    assert ends_of(Reached("log/0:3", 0, {"log/0": 3}), BY_NAME["trends"]) == {0: 3}
