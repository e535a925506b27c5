"""What the list of generations promises, wherever it is kept."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import pytest

from infra.generations import Generation, first_of
from projections.projection import Projection

MIRROR = Projection("mirror", 1, frozenset(), lambda _: ())
TALLY = Projection("tally", 3, frozenset(), lambda _: ())


class Generations(Protocol):
    """As `infra.sqlite.generations` and `infra.postgresql.generations` have it."""

    async def of(self, projection: Projection) -> Sequence[Generation]: ...
    async def live(self, projection: Projection) -> Generation: ...
    async def begin(self, projection: Projection) -> Generation: ...
    async def swap(self, to: Generation) -> None: ...
    async def forget(self, one: Generation) -> None: ...


class GenerationsContract:
    @pytest.fixture
    @abstractmethod
    async def generations(self) -> Generations:
        """Of an installation where nothing was ever replayed."""

    async def test_the_first_generation_answers_where_nothing_was_replayed(
        self, generations: Generations
    ) -> None:
        assert await generations.of(MIRROR) == [first_of(MIRROR)]
        assert await generations.live(MIRROR) == Generation("mirror", 1, 1, "live")

    async def test_what_is_being_built_does_not_answer(self, generations: Generations) -> None:
        begun = await generations.begin(MIRROR)

        assert begun == Generation("mirror", 1, 2, "building")
        assert await generations.of(MIRROR) == [first_of(MIRROR), begun]
        assert (await generations.live(MIRROR)).number == 1

    async def test_what_was_begun_is_gone_on_with(self, generations: Generations) -> None:
        first = await generations.begin(MIRROR)

        assert await generations.begin(MIRROR) == first

    async def test_a_swap_keeps_the_one_that_answered(self, generations: Generations) -> None:
        await generations.swap(await generations.begin(MIRROR))

        assert [one[2:] for one in await generations.of(MIRROR)] == [(1, "kept"), (2, "live")]

    async def test_a_swap_can_be_taken_back(self, generations: Generations) -> None:
        await generations.swap(await generations.begin(MIRROR))

        await generations.swap((await generations.of(MIRROR))[0])

        assert [one[2:] for one in await generations.of(MIRROR)] == [(1, "live"), (2, "kept")]

    async def test_the_next_one_follows_the_newest(self, generations: Generations) -> None:
        await generations.swap(await generations.begin(MIRROR))
        await generations.swap((await generations.of(MIRROR))[0])

        assert (await generations.begin(MIRROR)).number == 3

    async def test_what_is_forgotten_is_gone(self, generations: Generations) -> None:
        await generations.swap(await generations.begin(MIRROR))

        await generations.forget((await generations.of(MIRROR))[0])

        assert [one[2:] for one in await generations.of(MIRROR)] == [(2, "live")]

    async def test_what_answers_is_never_forgotten(self, generations: Generations) -> None:
        await generations.swap(await generations.begin(MIRROR))

        await generations.forget(await generations.live(MIRROR))

        assert (await generations.live(MIRROR)).number == 2

    async def test_projections_do_not_know_of_each_other(self, generations: Generations) -> None:
        await generations.swap(await generations.begin(MIRROR))

        assert await generations.of(TALLY) == [first_of(TALLY)]
        assert (await generations.begin(TALLY))[:3] == ("tally", 3, 2)

    async def test_of_many_who_begin_at_once_all_have_the_same(
        self, generations: Generations
    ) -> None:
        begun = await asyncio.gather(*(generations.begin(MIRROR) for _ in range(5)))

        assert {one.number for one in begun} == {2}
