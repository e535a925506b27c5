"""Reading as of a moment that is past: the same pages over other views.

A view as of a moment is built by `starling replay --to`; a request of an administrator names the
moment, or the number of the generations, in `As-Of`. What is refused now (a block, a suspension, a
hidden post, a closed account) is refused as of then too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol

from domain.errors import Conflict, NotFound
from domain.moments import NotAMoment, moment_named
from projections.stores import Stores
from read_api.ports import SideView, SideViews
from read_api.views import Views
from web.problems import BadRequest
from web.routing import Call, Endpoint, Route

NUMBER_DIGITS_MAX: Final = 9

Table = Mapping[tuple[str, str], Endpoint]


class PastViews(SideViews, Protocol):
    """The views as of moments that are past, to be read."""

    async def opened(self, as_of: str, projections: Collection[str]) -> Views:
        """Views as of a moment, in which the stores of these projections are. As long as they
        are there it is always the same object. Raises StoreUnavailable."""


class NotBuilt:
    """Stands where a moment has no store of a projection. Whatever is asked, NotFound says so."""

    def __init__(self, projection: str, as_of: str) -> None:
        self._missing = (projection, as_of)

    def __getattr__(self, question: str) -> NoReturn:
        projection, as_of = self._missing
        raise NotFound(_not_built([projection], as_of))


def empty_views(as_of: str, at_ms: int, live: Views) -> Views:
    """Views as of a moment in which no store is yet."""
    stores: dict[str, Any] = {name: NotBuilt(name, as_of) for name in Stores.__dataclass_fields__}
    # Without `bodies`: those that are kept are as of now.
    return Views(**stores, refusals=live.refusals, now_ms=lambda: at_ms, ask=live.ask)


class PastReads:
    """Implements `web.app.Past`: the routes of the read side over the views of a moment."""

    def __init__(self, views: PastViews, routes_over: Callable[[Views], Iterable[Route]]) -> None:
        self._views = views
        self._routes_over = routes_over
        self._tables: dict[str, tuple[Views, Table]] = {}

    async def endpoint(self, route: Route, asked: str) -> tuple[Endpoint, str]:
        """What answers the route as of the moment or generation that is asked for, and what the
        moment is called. Raises BadRequest, NotFound, Conflict, StoreUnavailable."""
        as_of = await self._moment(route, asked)
        views = await self._views.opened(as_of, route.uses)
        endpoint = self._table(as_of, views)[route.method, route.path]

        async def answer(call: Call) -> Any:
            try:
                return await endpoint(call)
            except Exception:
                # Who prunes does not wait for who reads.
                await self._moment(route, asked)
                raise

        return answer, as_of

    async def _moment(self, route: Route, asked: str) -> str:
        """The name of the moment as of which everything is there that the route reads."""
        name = _name(asked)
        built = await self._views.built()
        for known in self._tables.keys() - {one.as_of for one in built}:
            del self._tables[known]
        if name is not None:
            found = [one for one in built if one.as_of == name]
        else:
            found = [one for one in built if one.generation == int(asked)]
        found = [one for one in found if one.projection in route.uses]
        missing = set(route.uses) - {one.projection for one in found}
        if missing:
            raise NotFound(_not_built(missing, asked if name is None else name))
        return _agreed(found)

    def _table(self, as_of: str, views: Views) -> Table:
        known = self._tables.get(as_of)
        if known is None or known[0] is not views:
            routes = self._routes_over(views)
            known = views, {(one.method, one.path): one.endpoint for one in routes}
            self._tables[as_of] = known
        return known[1]


def _name(asked: str) -> str | None:
    """That of a moment; None for the number of a generation."""
    if asked.isascii() and asked.isdigit() and len(asked) <= NUMBER_DIGITS_MAX:
        return None
    try:
        return moment_named(asked).name
    except NotAMoment as error:
        raise BadRequest(f"As-Of: {error}; or the number of a generation") from error


def _agreed(found: Sequence[SideView]) -> str:
    """The moment of all of them, which are whole."""
    moments = sorted({one.as_of for one in found})
    if len(moments) > 1:
        told = "; ".join(f"{one.projection} as of {one.as_of}" for one in found)
        raise Conflict(f"The generations of this number are of several moments: {told}")
    unfinished = sorted(one.projection for one in found if not one.whole)
    if unfinished:
        raise Conflict(f"Being built as of {moments[0]}: {', '.join(unfinished)}")
    return moments[0]


def _not_built(projections: Iterable[str], asked: str) -> str:
    named = ", ".join(sorted(projections))
    which = f"generation {asked} as of a moment" if asked.isdigit() else f"view as of {asked}"
    return f"No {which}: {named}; `starling replay NAME --to MOMENT` builds it"
