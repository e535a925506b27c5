"""What the list of generations as of moments promises, wherever it is kept."""

import asyncio
from abc import abstractmethod
from typing import NamedTuple

import pytest

from infra.generations import Generation, Reached, SideGeneration
from infra.moments import KnownMoments
from tests.contract.generations_contract import MIRROR, TALLY, Generations

NOON = Reached("2026-01-31T12:00:00.000Z", 1_769_860_800_000, {"new_tweet/0": 7, "new_reply/1": 2})
LATER = Reached("log/0:9", 1_769_860_900_000, {"log/0": 9})


class Kept(NamedTuple):
    """Both lists of an installation."""

    moments: KnownMoments
    generations: Generations


class MomentsContract:
    @pytest.fixture
    @abstractmethod
    async def kept(self) -> Kept:
        """Of an installation where nothing was ever replayed."""

    async def test_there_are_none_where_nothing_was_built(self, kept: Kept) -> None:
        assert list(await kept.moments.every()) == []

    async def test_what_is_begun_is_there_and_not_whole(self, kept: Kept) -> None:
        begun = await kept.moments.begin(MIRROR, NOON)

        expected = SideGeneration(Generation("mirror", 1, 2, "as_of"), NOON, whole=False)
        assert begun == expected
        assert list(await kept.moments.every()) == [expected]

    async def test_what_was_begun_is_gone_on_with(self, kept: Kept) -> None:
        first = await kept.moments.begin(MIRROR, NOON)

        assert await kept.moments.begin(MIRROR, NOON) == first

    async def test_what_is_finished_is_whole(self, kept: Kept) -> None:
        begun = await kept.moments.begin(MIRROR, NOON)

        await kept.moments.finish(begun)

        assert list(await kept.moments.every()) == [begun._replace(whole=True)]
        assert (await kept.moments.begin(MIRROR, NOON)).whole

    async def test_a_projection_has_one_for_each_moment(self, kept: Kept) -> None:
        begun = [
            await kept.moments.begin(projection, moment)
            for projection, moment in ((MIRROR, LATER), (MIRROR, NOON), (TALLY, NOON))
        ]

        assert [one.build.number for one in begun] == [2, 3, 2]
        assert list(await kept.moments.every()) == [begun[1], begun[2], begun[0]]

    async def test_it_neither_answers_nor_comes_to_answer(self, kept: Kept) -> None:
        begun = await kept.moments.begin(MIRROR, NOON)
        await kept.moments.finish(begun)
        built = await kept.generations.begin(MIRROR)
        await kept.generations.swap(built)

        assert built.number == 3
        assert [one[2:] for one in await kept.generations.of(MIRROR)] == [
            (1, "kept"),
            (2, "as_of"),
            (3, "live"),
        ]

    async def test_its_number_follows_the_newest_one(self, kept: Kept) -> None:
        built = await kept.generations.begin(MIRROR)

        assert (await kept.moments.begin(MIRROR, NOON)).build.number == built.number + 1
        assert await kept.generations.begin(MIRROR) == built

    async def test_what_is_forgotten_is_gone(self, kept: Kept) -> None:
        begun = await kept.moments.begin(MIRROR, NOON)

        await kept.generations.forget(begun.build)

        assert list(await kept.moments.every()) == []
        again = await kept.moments.begin(MIRROR, LATER)
        assert list(await kept.moments.every()) == [again]

    async def test_of_many_who_begin_at_once_all_have_the_same(self, kept: Kept) -> None:
        begun = await asyncio.gather(*(kept.moments.begin(MIRROR, NOON) for _ in range(5)))

        assert {one.build.number for one in begun} == {2}
