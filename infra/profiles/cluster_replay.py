"""Building a new generation of a projection on the engines, in a process of its own.

When everything is there that there was at its beginning, workers follow the log with the new
generation; once it has what the live one has, the row is swapped.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import msgspec

from infra.control.requests import Answering, PruneProjection, RollBackProjection, SteerReplay
from infra.generations import Generation, Plan
from infra.profiles.cluster_filling import Filling, Report
from infra.profiles.cluster_swaps import ClusterSwaps, swaps_of
from infra.profiles.waiting import connected, entered
from infra.settings import Settings
from infra.steering import Steered
from projections.projection import Projection, StoreUnavailable
from streams.registry import projection_named

Check = Callable[[Generation], Awaitable[None]]


class Replays:
    """What replaying needs of an installation."""

    def __init__(self, filling: Filling, swaps: ClusterSwaps) -> None:
        self.swaps = swaps
        self._filling = filling

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator[Self]:
        """Wait for the engines that are needed."""
        async with Filling.opened(settings) as filling:
            yield cls(filling, swaps_of(filling.shared, settings))

    async def replay(
        self,
        projection: Projection,
        report: Report,
        *,
        per_s_max: float | None = None,
        resume: bool = False,
        processes: int = 1,
        swap: bool = True,
        check: Check | None = None,
    ) -> Generation:
        """Fill a generation with what the log has now, a new one or the one that was begun (see
        `Filling.fill_as_told`). Then workers follow the log with it, and it answers if it is to
        `swap`. If it is to be checked, that comes first. Outages are waited for: whatever is done
        again then can be, as it is where a replay that was killed goes on.

        Raises AlreadyBuilt, Paused, Cancelled, Unavailable where workers or another process do not
        do their part, and what `check` raises.
        """
        known, there = self.swaps.known, self._filling.postgresql
        async with entered(*there, partial(known.alone, projection)):
            one = await connected(*there, partial(known.begin, projection))
            ends = await self.ends(projection)
            async with entered(*there, partial(known.orders.building, one)):
                await self._filling.fill_as_told(
                    one, ends, report, per_s_max=per_s_max, resume=resume, processes=processes
                )
                if check is not None:
                    await check(one)
            await connected(*there, partial(known.orders.end, one))
            await connected(*there, partial(known.mark, one, "filled"))
            return await self._swapped(projection, one) if swap else one

    async def live(self, projection: Projection) -> Generation:
        """The generation that answers."""
        return await connected(
            *self._filling.postgresql, partial(self.swaps.known.live, projection)
        )

    async def planned(self, projection: Projection) -> Plan:
        """What a replay would do now."""
        total = sum((await self.ends(projection)).values())
        known = await connected(*self._filling.postgresql, partial(self.swaps.known.of, projection))
        for one in known:
            if one.state in {"building", "filled"}:
                return Plan(one.number, await self._filling.done(one), total)
        return Plan(known[-1].number + 1, 0, total)

    async def ends(self, projection: Projection) -> Mapping[int, int]:
        """The newest positions now of the partitions that the projection reads."""
        topics = {event.TOPIC for event in projection.events}
        shared = self._filling.shared
        ends = await connected("Kafka", shared.servers, shared.topics.ends)
        return {place.number: end for place, end in ends.items() if place.topic in topics}

    async def _swapped(self, projection: Projection, one: Generation) -> Generation:
        """Let it answer. Raises Unavailable where workers do not do their part in time."""

        async def swap() -> Generation:
            live = await self.swaps.known.live(projection)
            # The swap may have been done whose answer an outage took away.
            return live if live[:3] == one[:3] else await self.swaps.adopt(projection.name)

        name = self._filling.shared.clients.names.of(projection, one.number)
        return await connected(
            f"what the swap of {projection.name} needs", name, swap, outages=(StoreUnavailable,)
        )


async def replayed(
    settings: Settings,
    projection: Projection,
    report: Report,
    *,
    per_s_max: float | None = None,
    resume: bool = False,
    processes: int = 1,
    swap: bool = True,
    check: Check | None = None,
) -> tuple[int, int]:
    """See `Replays.replay`: the number of what was built, and of what answers then."""
    async with Replays.opened(settings) as replays:
        built = await replays.replay(
            projection,
            report,
            per_s_max=per_s_max,
            resume=resume,
            processes=processes,
            swap=swap,
            check=check,
        )
        return built.number, (await replays.live(projection)).number


async def planned(settings: Settings, projection: Projection) -> Plan:
    """See `Replays.planned`."""
    async with Replays.opened(settings) as replays:
        return await replays.planned(projection)


async def steered(settings: Settings, request: SteerReplay) -> Steered:
    """See `Generations.steer`. Raises Refusal, StoreUnavailable."""
    name, how, per_s_max, number = msgspec.structs.astuple(request)
    async with Replays.opened(settings) as replays:
        return await replays.swaps.steer(name, how, per_s_max, number)


async def changed(settings: Settings, request: RollBackProjection | PruneProjection) -> Answering:
    """Do what is asked for, for all processes. Raises Refusal, StoreUnavailable."""
    async with Replays.opened(settings) as replays:
        name = request.name
        dropped: Sequence[Generation] = ()
        if isinstance(request, PruneProjection):
            dropped = await replays.swaps.prune(name)
        else:
            await replays.swaps.rollback(name)
        live = await replays.swaps.known.live(projection_named(name))
        numbers = [one.number for one in dropped if one.version == live.version]
        older = {one.version for one in dropped} - {live.version}
        return Answering(name, live.number, tuple(numbers), tuple(sorted(older)))
