"""Telling replays that are under way what to do, and telling how they are."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from math import inf, isfinite
from typing import Final

from commands.ports import Steer
from infra.generations import AlreadyBuilt
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
    orders: ReplayOrders, projection: Projection, how: Steer, per_s_max: float | None = None
) -> Steered:
    """Tell the replay of a projection to pause, to go on, or how fast: as it is then. Raises
    NotUnderWay, StoreUnavailable."""
    for found in await orders.under_way():
        one = found.generation
        if one[:2] == (projection.name, projection.version) and found.orders.wish != "drop":
            if how == "throttle":
                await orders.limit(one, per_s_max or inf)
            else:
                await orders.wish(one, "pause" if how == "pause" else "go")
            return found._replace(orders=await orders.of(one))
    raise NotUnderWay(f"No generation of {projection.name} is being built")


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
