"""The views as of moments that are past, opened when they are first read, closed once they are
gone. Which there are is looked up for each question: they are few, and so are the questions."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple

from domain.ids import rfc3339
from domain.topics import name_of
from infra.generations import SideGeneration
from infra.moments import KnownMoments, ends_of
from infra.projection_status import Replays, by_generation, no_replays
from read_api.as_of import empty_views
from read_api.ports import ReplayStatus, SideView
from read_api.views import Views
from streams.registry import BY_NAME

Open = Callable[[SideGeneration], Awaitable[Any]]
Close = Callable[[Any], Awaitable[None]]


class _Moment(NamedTuple):
    """What is open of one: which generation's store, by projection."""

    views: Views
    stores: dict[str, tuple[int, Any]]

    @property
    def numbers(self) -> Collection[tuple[str, int]]:
        """Projection and generation of each."""
        return [(name, number) for name, (number, _) in self.stores.items()]


class OpenedMoments:
    """Implements `read_api.as_of.PastViews`. Used on one event loop. `live` says what is the same
    now and then, `replays` what is being built."""

    def __init__(
        self,
        known: KnownMoments,
        live: Views,
        opened: Open,
        closed: Close,
        replays: Replays = no_replays,
    ) -> None:
        self._known = known
        self._live = live
        self._open = opened
        self._replays = replays
        self._close = closed
        self._moments: dict[str, _Moment] = {}
        self._turns = asyncio.Lock()

    async def built(self) -> Sequence[SideView]:
        """See `SideViews.built`."""
        async with self._turns:
            found = await self._look()
        replays = {} if all(one.whole for one in found) else await by_generation(self._replays)
        return [_told(one, replays.get(one.build[:3])) for one in found]

    async def opened(self, as_of: str, projections: Collection[str]) -> Views:
        """See `PastViews.opened`."""
        async with self._turns:
            sides = [one for one in await self._look() if one.moment.name == as_of and one.whole]
            moment = self._moments.get(as_of)
            if moment is None:
                at_ms = max((one.moment.at_ms for one in sides), default=0)
                moment = _Moment(empty_views(as_of, at_ms, self._live), {})
            for one in sides:
                name = one.build.projection
                if name in projections and name not in moment.stores:
                    self._moments[as_of] = moment
                    store = await self._open(one)
                    moment.stores[name] = (one.build.number, store)
                    setattr(moment.views, name, store)
            return moment.views

    async def close(self) -> None:
        """Close every store; what is still there is opened anew when it is read."""
        async with self._turns:
            for name in list(self._moments):
                await self._forget(name)

    async def _look(self) -> Sequence[SideGeneration]:
        """Those there are, of the shapes that this program reads."""
        found = [
            one
            for one in await self._known.every()
            if one.build.projection in BY_NAME
            and one.build.version == BY_NAME[one.build.projection].version
        ]
        there = {(one.moment.name, one.build.projection, one.build.number) for one in found}
        for name, moment in list(self._moments.items()):
            opened = {(name, *which) for which in moment.numbers}
            if not opened <= there:
                await self._forget(name)
        return found

    async def _forget(self, name: str) -> None:
        """Close all of a moment."""
        for _, store in self._moments.pop(name).stores.values():
            await self._close(store)


def _told(one: SideGeneration, replay: ReplayStatus | None) -> SideView:
    build, moment, whole = one
    at = rfc3339(moment.at_ms)
    ends = ends_of(moment, BY_NAME[build.projection])
    vector = {name_of(number): position for number, position in ends.items()}
    return SideView(build.projection, build.number, moment.name, at, vector, whole, replay)
