"""What a replay is told while it runs: kept beside its generation, where every process sees it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from math import inf, isfinite
from typing import Any, Final, Literal, NamedTuple, Protocol

from domain.errors import Conflict
from infra.generations import Generation
from projections.projection import StoreUnavailable
from streams.rebuild import Cancelled, Course, Rebuilt

TELL_EVERY_S: Final = 1.0

# `drop`: it stops, and who ordered that drops what was built.
Wish = Literal["go", "pause", "drop"]


class Orders(NamedTuple):
    """What a replay was told last: so it goes on when it is begun again."""

    wish: Wish = "go"
    per_s_max: float = inf


class Steered(NamedTuple):
    """A generation that is being built: what its replay was told, how far it told that it is (its
    `rebuilt` is empty before it did), and whether a process builds it now; the moment's name where
    it is built as of one."""

    generation: Generation
    orders: Orders
    rebuilt: Rebuilt
    is_running: bool
    as_of: str | None = None


class NotUnderWay(Conflict):
    """No generation of the projection is being built."""


class ReplayOrders(Protocol):
    """Where they are kept, for each generation that is being built. All raise StoreUnavailable."""

    async def begin(
        self, one: Generation, *, per_s_max: float | None = None, resume: bool = False
    ) -> Orders:
        """It is being built from now on, as it was told before; but at the pace that is given, and
        no pause holds if it is to `resume`."""

    def building(self, one: Generation) -> AbstractAsyncContextManager[None]:
        """Let others see that this process builds it, as long as the context lasts; the death of
        the process ends that in the same moment. For who builds alone."""

    async def wish(self, one: Generation, wish: Wish) -> None:
        """Tell it. Raises NotUnderWay; what is whole and waits to answer can be told to drop."""

    async def limit(self, one: Generation, per_s_max: float) -> None:
        """Tell it so many events a second at most. Raises NotUnderWay."""

    async def of(self, one: Generation) -> Orders:
        """What it was told."""

    async def tell(self, one: Generation, rebuilt: Rebuilt) -> None:
        """Keep how far it is now."""

    async def end(self, one: Generation) -> None:
        """It is not being built any more."""

    async def under_way(self) -> Sequence[Steered]:
        """Every one that is being built, of all projections, and that is not whole yet."""


class Steering:
    """Implements `streams.rebuild.Helm` over the place where orders are kept."""

    def __init__(
        self,
        orders: Callable[[], Awaitable[Orders]],
        tell: Callable[[Rebuilt], Awaitable[None]] | None = None,
        *,
        sharers: int = 1,
    ) -> None:
        """`tell`: keep how far it is, for others to see. So many share the pace that is ordered."""
        self._orders = orders
        self._tell = tell
        self._sharers = sharers
        self._told_at = -inf
        self._last = Orders()

    async def course(self, rebuilt: Rebuilt) -> Course:
        """See `Helm.course`. What was seen last counts while the place does not answer."""
        try:
            self._last = await self._orders()
            now = time.monotonic()
            if self._tell is not None and now - self._told_at >= TELL_EVERY_S:
                self._told_at = now
                await self._tell(rebuilt)
        except StoreUnavailable:
            pass
        wish, per_s_max = self._last
        if wish == "drop":
            raise Cancelled
        return Course(per_s_max / self._sharers, wish == "pause")


def finite(number: float) -> float | None:
    """As both stores have it: NULL where there is no limit."""
    return number if isfinite(number) else None


def orders_of(wish: Wish, per_s_max: float | None) -> Orders:
    """From what both stores keep of them."""
    return Orders(wish, inf if per_s_max is None else per_s_max)


def told_of(row: Sequence[Any], *, is_running: bool) -> Steered:
    """From a row as both stores have it: the generation, its orders, how far it is, its moment."""
    name, version, number, state, wish, per_s_max, done, total, per_s, left_s, as_of = row
    return Steered(
        Generation(name, version, number, state),
        orders_of(wish, per_s_max),
        Rebuilt(done, total, 0, 0.0, left_s, wish == "pause", per_s),
        is_running,
        as_of,
    )
