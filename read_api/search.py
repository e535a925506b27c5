"""Search for posts, newest or most relevant first, and for people."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta

from domain.ids import AccountId, ItemId
from domain.search_query import QUERY_CHARS_MAX, PeopleQuery, PostQuery, parse_people, parse_query
from projections.items import Item
from projections.post_cards import Card
from projections.search_index import Rank
from projections.windows import Window
from read_api.hydration import cards_of
from read_api.lists import (
    ACCOUNTS_SHOWN_WITH,
    POSTS_SHOWN_WITH,
    AccountsPage,
    PostsPage,
    accounts_page,
    next_link,
    place,
    posts_page,
)
from read_api.pages import ROUNDS_MAX, fill
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import CURSOR_CHARS_MAX, CursorQuery, PageQuery, window_links
from web.routing import Auth, Call, Reply, Route

# The index knows posts by their ids alone; whose they are, their cards say.
AUTHOR_UNASKED: Final = AccountId(0)

Words = Annotated[
    str, Meta(description=f"What to look for; what is behind {QUERY_CHARS_MAX} characters is cut")
]


class PostSearchQuery(PageQuery, frozen=True, kw_only=True):
    """By id bounds where the newest come first; by cursor where the most relevant do."""

    q: Words
    sort: Literal["newest", "relevance"] = "newest"
    cursor: Annotated[
        Annotated[str, Meta(max_length=CURSOR_CHARS_MAX)] | None,
        Meta(description="With sort=relevance, where to go on: taken from the Link header"),
    ] = None


class AccountSearchQuery(CursorQuery, frozen=True, kw_only=True):
    q: Words


class Search:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def posts(self, call: Call) -> Reply:
        """Posts that hold what is asked for."""
        sight = sight_of(call.reader_id, self._views.refusals)
        query: PostSearchQuery = call.query
        asked = parse_query(query.q)
        if query.sort == "newest":
            return await self._newest(call, asked, sight)
        return await self._relevant(call, asked, sight)

    async def accounts(self, call: Call) -> Reply:
        """People by their handle or name."""
        sight = sight_of(call.reader_id, self._views.refusals)
        after = place(call, Rank, "account-search")
        asked = parse_people(call.query.q)
        people, more = await self._people(asked, after, call.query.limit, sight)
        links = next_link(call, more, "account-search")
        return await accounts_page(people, links, self._views, sight)

    async def _newest(self, call: Call, asked: PostQuery, sight: Sight) -> Reply:
        async def skeleton(window: Window, limit: int) -> Sequence[Item]:
            found = await self._views.search_index.newest_posts(asked, window, limit)
            return [Item(ItemId(post_id), post_id, AUTHOR_UNASKED, None) for post_id in found]

        query: PostSearchQuery = call.query
        page = await fill(skeleton, Window(*query.bounds), query.limit, self._views, sight)
        links = window_links(call, newest=page.newest, oldest=page.oldest, more=page.more)
        return await posts_page([card for _, card in page.shown], links, self._views, sight)

    async def _relevant(self, call: Call, asked: PostQuery, sight: Sight) -> Reply:
        after = place(call, Rank, "post-search")
        shown: list[Card] = []
        for _ in range(ROUNDS_MAX):
            wanted = call.query.limit - len(shown)
            found = await self._views.search_index.relevant_posts(asked, after, wanted)
            cards = await cards_of(found.ids, self._views, sight)
            shown += [cards[post_id] for post_id in found.ids if post_id in cards]
            after = found.next
            if after is None or len(shown) == call.query.limit:
                break
        links = next_link(call, after, "post-search")
        return await posts_page(shown, links, self._views, sight)

    async def _people(
        self, asked: PeopleQuery, after: Rank | None, limit: int, sight: Sight
    ) -> tuple[Sequence[AccountId], Rank | None]:
        people: list[AccountId] = []
        for _ in range(ROUNDS_MAX):
            wanted = limit - len(people)
            found = await self._views.search_index.accounts(asked, after, wanted)
            people += [account_id for account_id in found.ids if sight.of_account(account_id)]
            after = found.next
            if after is None or len(people) == limit:
                break
        return people, after


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    search = Search(views)
    return (
        Route(
            method="GET",
            path="/v1/search/posts",
            endpoint=search.posts,
            summary="Posts by what they say",
            auth=Auth.OPTIONAL,
            query=PostSearchQuery,
            answers={200: PostsPage},
            uses=("search_index", *POSTS_SHOWN_WITH),
            tag="search",
        ),
        Route(
            method="GET",
            path="/v1/search/accounts",
            endpoint=search.accounts,
            summary="People by handle or name",
            auth=Auth.OPTIONAL,
            query=AccountSearchQuery,
            answers={200: AccountsPage},
            uses=("search_index", *ACCOUNTS_SHOWN_WITH),
            tag="search",
        ),
    )
