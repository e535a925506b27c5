"""Lists of accounts from the follower graph, and suggestions of whom to follow."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from projections.follower_graph import Edge, EdgeList, Suggestion
from projections.windows import Window
from read_api.accounts import known_account
from read_api.lists import (
    ACCOUNTS_SHOWN_WITH,
    AccountsPage,
    accounts_page,
    accounts_part,
    place,
)
from read_api.sight import NOBODY, Sight, sight_of
from read_api.views import Views
from web.paging import CursorQuery
from web.routing import Auth, Call, Endpoint, Reply, Route

Edges = Callable[[Window, int], Awaitable[Sequence[Edge]]]
SHOWN_WITH: Final = ACCOUNTS_SHOWN_WITH


class Graph:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def of_account(self, which: EdgeList) -> Endpoint:
        """A list of the account in the path."""

        async def endpoint(call: Call) -> Reply:
            account_id = await known_account(call, self._views)

            async def edges(window: Window, limit: int) -> Sequence[Edge]:
                return await self._views.follower_graph.edges(account_id, which, window, limit)

            return await self._page(call, edges, which)

        return endpoint

    def of_reader(self, which: EdgeList) -> Endpoint:
        """A list of the reader's own. It shows also whom a block would hide."""

        async def endpoint(call: Call) -> Reply:
            reader = call.account_id

            async def edges(window: Window, limit: int) -> Sequence[Edge]:
                return await self._views.follower_graph.edges(reader, which, window, limit)

            sight = Sight(reader, NOBODY, NOBODY, self._views.refusals)
            return await self._part(call, edges, which, sight)

        return endpoint

    async def mutuals(self, call: Call) -> Reply:
        """Whom both the account and the reader follow."""
        account_id, reader = await known_account(call, self._views), call.account_id

        async def edges(window: Window, limit: int) -> Sequence[Edge]:
            return await self._views.follower_graph.mutuals(account_id, reader, window, limit)

        return await self._page(call, edges, "mutuals")

    async def known_followers(self, call: Call) -> Reply:
        """Followers of the account whom the reader follows."""
        account_id, reader = await known_account(call, self._views), call.account_id

        async def edges(window: Window, limit: int) -> Sequence[Edge]:
            graph = self._views.follower_graph
            return await graph.known_followers(account_id, reader, window, limit)

        return await self._page(call, edges, "known-followers")

    async def suggestions(self, call: Call) -> Reply:
        """Whom the reader might follow: friends of friends."""
        after = place(call, Suggestion, "suggestions")

        async def read(last: Suggestion | None, limit: int) -> Sequence[Suggestion]:
            graph = self._views.follower_graph
            return await graph.suggestions(call.account_id, last or after, limit)

        sight = sight_of(call.account_id, self._views.refusals)
        return await accounts_part(call, "suggestions", read, self._views, sight, place_of=_itself)

    async def _page(self, call: Call, edges: Edges, name: str) -> Reply:
        sight = sight_of(call.reader_id, self._views.refusals)
        if call.path["id"] in sight.blocked:
            return await accounts_page((), (), self._views, sight)
        return await self._part(call, edges, name, sight)

    async def _part(self, call: Call, edges: Edges, name: str, sight: Sight) -> Reply:
        below = place(call, int, name)

        async def read(last: Edge | None, limit: int) -> Sequence[Edge]:
            return await edges(Window(max_id=below if last is None else last.edge_id), limit)

        return await accounts_part(call, name, read, self._views, sight, place_of=_edge_id)


def _edge_id(edge: Edge) -> int:
    return edge.edge_id


def _itself(suggestion: Suggestion) -> Suggestion:
    return suggestion


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    graph = Graph(views)

    def get(path: str, endpoint: Endpoint, summary: str, **further: Any) -> Route:
        return Route(
            method="GET",
            path=path,
            endpoint=endpoint,
            summary=summary,
            query=CursorQuery,
            answers={200: AccountsPage},
            uses=SHOWN_WITH,
            tag="accounts",
            **further,
        )

    account = "/v1/accounts/{id:id}"
    public: dict[str, Any] = {"auth": Auth.OPTIONAL, "errors": (404,)}
    return (
        get(f"{account}/followers", graph.of_account("followers"), "Followers", **public),
        get(f"{account}/following", graph.of_account("following"), "Whom it follows", **public),
        get(f"{account}/mutuals", graph.mutuals, "Whom both follow", errors=(404,)),
        get(
            f"{account}/known-followers",
            graph.known_followers,
            "Its followers whom the reader follows",
            errors=(404,),
        ),
        get("/v1/suggestions", graph.suggestions, "Whom the reader might follow"),
        get("/v1/blocks", graph.of_reader("blocks"), "Whom the reader blocks"),
        get("/v1/mutes", graph.of_reader("mutes"), "Whom the reader mutes"),
    )
