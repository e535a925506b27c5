"""How projections are doing whose workers are other processes, as far as dead letters tell."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.errors import Unavailable
from domain.topics import Place
from infra.readiness import part_of
from infra.stored_status import StoredProjections
from projections.stores import Stores
from streams.dead_letters import Build
from streams.feed import Fed
from streams.registry import PROJECTIONS

HERE = Place("new_tweet", 0).number


class Log:
    """One partition with ten events."""

    partitions = (HERE,)

    async def positions(self) -> Mapping[int, int]:
        return {HERE: 10}

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        return ()

    async def wait(self, partition: int, after: int) -> None:
        raise NotImplementedError

    def head(self, partition: int) -> int:
        return 10


class Away(Log):
    """The same, out of reach."""

    async def positions(self) -> Mapping[int, int]:
        raise Unavailable


class Letters:
    parked_max = 5

    def __init__(self, counts: Mapping[Build, int]) -> None:
        self._counts = counts

    async def counts(self) -> Mapping[Build, int]:
        return self._counts


class At:
    """A store that is so far."""

    def __init__(self, position: int) -> None:
        self._position = position

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        raise NotImplementedError

    async def checkpoint(self) -> Mapping[int, int]:
        return {HERE: self._position}


@pytest.mark.parametrize(
    ("letters", "position", "stalled"), [(5, 9, True), (4, 9, False), (5, 10, False)]
)
async def test_a_projection_that_has_all_the_dead_letters_it_may_have_is_down(
    letters: int, position: int, stalled: bool
) -> None:
    stores = SimpleNamespace(**{one.name: At(position) for one in PROJECTIONS})
    counts = {Build("trends", 1, 2): letters, Build("trends", 1, 1): 99}
    status = StoredProjections(
        cast("Stores", stores), Log(), Letters(counts), generation=lambda _: 2, now_ms=lambda: 0
    )

    (trends,) = [one for one in await status.status() if one.name == "trends"]

    assert (trends.dead_letters, trends.generation) == (letters, 2)
    assert trends.partitions == (("new_tweet/0", position, 10, None),)
    assert (part_of(trends).state == "down") == stalled
    assert stalled == ("It has 5 dead letters" in (trends.stalled_by or ""))


async def test_a_log_that_does_not_answer_takes_nothing_away_from_what_was_applied() -> None:
    """This process has seen ten events; a worker was told of twelve before Kafka was gone."""
    stores = SimpleNamespace(**{one.name: At(12) for one in PROJECTIONS})
    status = StoredProjections(
        cast("Stores", stores), Away(), Letters({}), generation=lambda _: 1, now_ms=lambda: 0
    )

    (trends,) = [one for one in await status.status() if one.name == "trends"]

    assert (trends.position, trends.head, trends.lag_events) == (12, 12, 0)
