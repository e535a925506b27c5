"""What is promised of what replays are told, wherever that is kept."""

from abc import abstractmethod
from math import inf
from typing import Any

import pytest

from domain.errors import Conflict
from infra.generations import Generation
from infra.moments import KnownMoments
from infra.replay_desk import cancelled, steer
from infra.steering import NotUnderWay, Orders, ReplayOrders, Steering
from streams.rebuild import Cancelled, Course, Rebuilt
from tests.contract.generations_contract import MIRROR, TALLY
from tests.contract.moments_contract import NOON

HALF = Rebuilt(50, 100, 0, 5.0, 4.5, paused=False, recent_per_s=11.0)


class ReplayOrdersContract:
    @pytest.fixture
    @abstractmethod
    async def known(self) -> Any:
        """Generations of an installation where nothing was ever replayed."""

    @pytest.fixture
    @abstractmethod
    async def moments(self, known: Any) -> KnownMoments:
        """Those of the same installation."""

    @pytest.fixture
    def orders(self, known: Any) -> ReplayOrders:
        found: ReplayOrders = known.orders
        return found

    @pytest.fixture
    async def one(self, known: Any, orders: ReplayOrders) -> Generation:
        """A generation that is being built."""
        found = await _begun(known)
        await orders.begin(found)
        return found

    async def test_a_replay_that_was_told_nothing_goes_on_without_a_limit(
        self, one: Generation, orders: ReplayOrders
    ) -> None:
        assert await orders.of(one) == Orders("go", inf)
        assert await orders.begin(one) == Orders("go", inf)

    async def test_what_it_was_told_holds_when_it_is_begun_again(
        self, one: Generation, orders: ReplayOrders
    ) -> None:
        await orders.wish(one, "pause")
        await orders.limit(one, 12.5)

        assert await orders.begin(one) == Orders("pause", 12.5)
        assert await orders.begin(one, per_s_max=7.0) == Orders("pause", 7.0)
        assert await orders.begin(one, per_s_max=inf, resume=True) == Orders("go", inf)

    async def test_what_was_cancelled_does_not_go_on(
        self, one: Generation, orders: ReplayOrders
    ) -> None:
        await orders.wish(one, "drop")

        assert (await orders.begin(one, resume=True)).wish == "drop"

    async def test_it_is_told_how_far_it_is_as_long_as_it_is_being_built(
        self, one: Generation, orders: ReplayOrders
    ) -> None:
        (before,) = await orders.under_way()
        await orders.tell(one, HALF)
        (told,) = await orders.under_way()
        await orders.end(one)

        assert (before.generation, before.rebuilt.total) == (one, 0)
        assert told.generation == one
        assert (told.rebuilt.done, told.rebuilt.total) == (50, 100)
        assert (told.rebuilt.per_s, told.rebuilt.left_s) == (11.0, 4.5)
        assert await orders.under_way() == []

    async def test_it_runs_as_long_as_a_process_builds_it(
        self, one: Generation, known: Any, orders: ReplayOrders
    ) -> None:
        other = await _begun(known, TALLY)
        await orders.begin(other)

        async def running() -> list[Generation]:
            return [each.generation for each in await orders.under_way() if each.is_running]

        before = await running()
        async with orders.building(one):
            within = await running()
        async with orders.building(other), orders.building(one):
            both = await running()

        assert (before, within, both) == ([], [one], [one, other])
        assert await running() == []

    async def test_what_is_built_as_of_a_moment_is_told_of_until_it_is_whole(
        self, one: Generation, moments: KnownMoments, orders: ReplayOrders
    ) -> None:
        side = await moments.begin(MIRROR, NOON)
        await orders.begin(side.build, per_s_max=3.0)
        await orders.tell(side.build, HALF)
        found = await orders.under_way()
        await moments.finish(side)

        assert [(each.generation, each.as_of) for each in found] == [
            (one, None),
            (side.build, NOON.name),
        ]
        assert (found[1].orders, found[1].rebuilt.done) == (Orders("go", 3.0), 50)
        assert [each.generation for each in await orders.under_way()] == [one]

    async def test_of_several_replays_of_a_projection_it_is_said_which_is_meant(
        self, one: Generation, moments: KnownMoments, orders: ReplayOrders
    ) -> None:
        side = (await moments.begin(MIRROR, NOON)).build
        await orders.begin(side)

        with pytest.raises(Conflict, match="Generations 2 and 3 of mirror are being built"):
            await steer(orders, MIRROR, "pause")
        with pytest.raises(Conflict):
            await cancelled(orders, MIRROR, one)
        with pytest.raises(NotUnderWay, match="No generation 7 of mirror"):
            await steer(orders, MIRROR, "pause", number=7)
        paused = await steer(orders, MIRROR, "pause", number=side.number)
        ended = await cancelled(orders, MIRROR, one, number=one.number)

        assert (paused.generation, paused.orders.wish) == (side, "pause")
        assert (ended.generation, ended.orders.wish) == (one, "drop")
        assert await orders.of(side) == Orders("pause")
        # The other one is being dropped: there is only one that can be meant.
        assert (await steer(orders, MIRROR, "resume")).generation == side

    async def test_what_is_not_being_built_cannot_be_told_to_pause(
        self, one: Generation, orders: ReplayOrders
    ) -> None:
        await orders.end(one)

        for telling in (orders.wish(one, "pause"), orders.limit(one, 3.0)):
            with pytest.raises(NotUnderWay):
                await telling
        assert await orders.under_way() == []

    async def test_what_is_whole_and_waits_can_be_told_to_be_dropped(
        self, one: Generation, orders: ReplayOrders
    ) -> None:
        await orders.end(one)
        await orders.wish(one, "drop")

        assert [told.orders.wish for told in await orders.under_way()] == ["drop"]

    async def test_projections_are_told_for_themselves(
        self, one: Generation, known: Any, orders: ReplayOrders
    ) -> None:
        other = await _begun(known, TALLY)
        await orders.begin(other, per_s_max=5.0)
        await orders.wish(one, "pause")

        assert await orders.of(other) == Orders("go", 5.0)

    async def test_a_helm_steers_as_it_is_told(self, one: Generation, orders: ReplayOrders) -> None:
        helm = Steering(lambda: orders.of(one), lambda rebuilt: orders.tell(one, rebuilt))
        share = Steering(lambda: orders.of(one), sharers=4)
        await orders.limit(one, 100.0)

        assert await helm.course(HALF) == Course(100.0)
        assert await share.course(HALF) == Course(25.0)
        assert [told.rebuilt.done for told in await orders.under_way()] == [50]
        await orders.wish(one, "pause")
        assert await helm.course(HALF) == Course(100.0, paused=True)
        await orders.wish(one, "drop")
        with pytest.raises(Cancelled):
            await helm.course(HALF)


async def _begun(known: Any, projection: Any = MIRROR) -> Generation:
    """Files do not make wait."""
    found = known.begin(projection)
    return found if isinstance(found, Generation) else await found
