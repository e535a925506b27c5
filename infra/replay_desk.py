"""Telling replays that are under way what to do, and telling how they are."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from math import inf, isfinite
from typing import Final

from commands.ports import Steer
from domain.errors import Conflict
from infra.generations import AlreadyBuilt, Generation
from infra.steering import NotUnderWay, ReplayOrders, Steered
from projections.projection import Projection
from read_api.ports import ReplayState, ReplayStatus

# Who builds looks at its orders some times a second, but finishes its batch first.
PATIENCE_S: Final = 60.0
RETRY_S: Final = 0.1


@asynccontextmanager
async def left_alone(
    alone: Callable[[], AbstractContextManager[None] | AbstractAsyncContextManager[None]],
) -> AsyncIterator[None]:
    """Once nobody builds any more nobody does while this lasts. Raises AlreadyBuilt where who
    builds does not stop."""
    until = time.monotonic() + PATIENCE_S
    async with AsyncExitStack() as held:
        while True:
            try:
                lock = alone()
                if isinstance(lock, AbstractAsyncContextManager):
                    await held.enter_async_context(lock)
                else:
                    held.enter_context(lock)
                break
            except AlreadyBuilt:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(RETRY_S)
        yield


async def steer(
    orders: ReplayOrders,
    projection: Projection,
    how: Steer,
    per_s_max: float | None = None,
    number: int | None = None,
) -> Steered:
    """Tell the replay of a projection to pause, to go on, or how fast: as it is then. `number` says
    which generation's, where there are several. Raises NotUnderWay, Conflict, StoreUnavailable."""
    found = [one for one in await _of(orders, projection) if one.orders.wish != "drop"]
    one = _the_one((each.generation for each in found), projection, number)
    if how == "throttle":
        await orders.limit(one, per_s_max or inf)
    else:
        await orders.wish(one, "pause" if how == "pause" else "go")
    (steered,) = [each for each in found if each.generation == one]
    return steered._replace(orders=await orders.of(one))


async def cancelled(
    orders: ReplayOrders,
    projection: Projection,
    coming: Generation | None,
    number: int | None = None,
) -> Steered:
    """Tell the replay of a projection to end, or that what is whole and `coming` is to be dropped;
    whoever asks drops it once it is left alone. Raises NotUnderWay, Conflict, StoreUnavailable."""
    known = {} if coming is None else {coming[:3]: coming}
    for each in await _of(orders, projection):
        if each.generation.state != "live":
            known[each.generation[:3]] = each.generation
    one = _the_one(known.values(), projection, number)
    await orders.wish(one, "drop")
    (found,) = [each for each in await _of(orders, projection) if each.generation[:3] == one[:3]]
    return found


async def _of(orders: ReplayOrders, projection: Projection) -> list[Steered]:
    of_it = projection.name, projection.version
    return [one for one in await orders.under_way() if one.generation[:2] == of_it]


def _the_one(found: Iterable[Generation], projection: Projection, number: int | None) -> Generation:
    name, meant = projection.name, [one for one in found if number in {None, one.number}]
    if not meant:
        which = "No generation" if number is None else f"No generation {number}"
        raise NotUnderWay(f"{which} of {name} is being built")
    if len(meant) > 1:
        numbers = " and ".join(str(one.number) for one in meant)
        raise Conflict(f"Generations {numbers} of {name} are being built: say which")
    return meant[0]


def status_of(found: Steered) -> ReplayStatus:
    """As it is shown."""
    wish, per_s_max = found.orders
    state: ReplayState = "building" if found.is_running else "stopped"
    if wish != "go":
        state = "paused" if wish == "pause" else "cancelled"
    rebuilt = found.rebuilt
    return ReplayStatus(
        generation=found.generation.number,
        state=state,
        running=found.is_running,
        done=rebuilt.done,
        total=rebuilt.total,
        per_s=round(rebuilt.per_s, 1),
        left_s=round(rebuilt.left_s, 1) if isfinite(rebuilt.left_s) else None,
        per_s_max=per_s_max if isfinite(per_s_max) else None,
    )
