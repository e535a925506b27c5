"""What each projection is asked about a key: everything that its port answers, whole lists too.

An answer has no accidents of an engine in it: JSON is compared as what it means, lists that have
no order of their own are sorted, cursors are used and never compared. Not asked is the order of
relevance, which depends on how an engine counts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from domain.ids import ID_MAX, AccountId, PostId, first_id_at, millis_of
from domain.objects import AccountViewer, post_json
from domain.search_query import PeopleQuery, PostQuery
from projections.account_directory import AccountDirectory
from projections.author_timelines import AuthorTimelines
from projections.conversations import Conversations
from projections.engagement import BUCKET_MS, Engagement
from projections.follower_graph import Edge, EdgeList, FollowerGraph
from projections.home_timelines import HomeTimelines
from projections.moderation import Moderation
from projections.notifications import Notifications
from projections.post_cards import PostCards
from projections.search_index import RANKED_MAX, SearchIndex
from projections.trends import Trends
from projections.windows import Window
from streams.answers.keys import DAY_MS, HOUR_MS, Kind

PAGE: Final = 200
# Of a longer list the newest so many are compared (of replies and versions, the oldest).
LIST_MAX: Final = 10_000
ANCESTORS_MAX: Final = 100
TRENDS_MAX: Final = 50
SUGGESTIONS_MAX: Final = 20
HOMES_SAMPLED: Final = 200
EDGE_LISTS: Final[Sequence[EdgeList]] = ("followers", "following", "blocks", "mutes")
MODERATION_LISTS: Final = (
    "open-reports",
    "resolved-reports",
    "suspensions",
    "hidden-posts",
    "audit-log",
)

ALL: Final = Window()
# Every hour that an id can be of.
SPAN_MS: Final = (0, millis_of(ID_MAX))

Answer = Mapping[str, object]
T = TypeVar("T")


class Question(NamedTuple):
    """How a store is asked about every key of a kind; `ids` are those that no event names. Unless
    a sample is asked for, so many keys are `sampled`; 0: all."""

    kind: Kind
    ask: Callable[[Any, Any], Awaitable[Answer]]
    ids: Sequence[str] = ()
    sampled: int = 0


async def _card(store: PostCards, post_id: PostId) -> Answer:
    found = (await store.cards([post_id], None)).get(post_id)
    if found is not None:
        found = (await store.cards([post_id], found.author_id)).get(post_id, found)
    versions = await _walked(
        lambda after: store.history(post_id, PAGE, after=after or 0), lambda one: one.version
    )
    return {
        "card": found
        and (*found[:-2], msgspec.json.decode(post_json(found.members, found.viewer))),
        "counts": await store.counts(post_id),
        "versions": [(*one[:2], _members(one.text)) for one in versions],
        "likers": await _walked(
            lambda before: store.likers(post_id, PAGE, before=before), lambda one: one.event_id
        ),
        "reposters": await _walked(
            lambda before: store.reposters(post_id, PAGE, before=before), lambda one: one.event_id
        ),
    }


async def _bookmarks(store: PostCards, account_id: AccountId) -> Answer:
    found = await _walked(
        lambda before: store.bookmarks(account_id, PAGE, before=before), lambda one: one.event_id
    )
    newest = [one.post_id for one in found[:PAGE]]
    cards = await store.cards(newest, account_id) if newest else {}
    viewers = {str(one): msgspec.json.decode(card.viewer) for one, card in cards.items()}
    return {"bookmarks": found, "viewers": viewers}


async def _author(store: AuthorTimelines, account_id: AccountId) -> Answer:
    async def timeline(kind: Any) -> Sequence[object]:
        return await _windowed(lambda window: store.page(account_id, kind, window, PAGE))

    return {
        "posts": await timeline(None),
        "tweets": await timeline("tweet"),
        "replies": await timeline("reply"),
        "count": (await store.tweet_counts([account_id])).get(account_id, 0),
    }


async def _public(store: AuthorTimelines, day: int) -> Answer:
    first, last = first_id_at(day * DAY_MS), first_id_at((day + 1) * DAY_MS)
    whole = Window(max_id=last, since_id=first - 1)
    return {"posts": await _windowed(lambda window: store.public_page(window, PAGE), whole)}


async def _home(store: HomeTimelines, account_id: AccountId) -> Answer:
    return {"home": await _windowed(lambda window: store.page(account_id, window, PAGE))}


async def _conversation(store: Conversations, post_id: PostId) -> Answer:
    return {
        "ancestors": await store.ancestors(post_id, ANCESTORS_MAX),
        "replies": await _walked(
            lambda after: store.replies(post_id, PAGE, after=after), lambda one: one.post_id
        ),
    }


async def _edges(store: FollowerGraph, account_id: AccountId) -> Answer:
    lists = [await _edge_list(store, account_id, which) for which in EDGE_LISTS]
    others = sorted({edge.account_id for edges in lists for edge in edges})[:PAGE]
    relations = await store.relations(account_id, others) if others else {}
    stranger = AccountViewer()
    counts = (await store.counts([account_id])).get(account_id)
    return {
        **dict(zip(EDGE_LISTS, lists, strict=True)),
        "counts": counts or (0, 0),
        "relations": {str(one): how for one, how in relations.items() if how != stranger},
        "suggestions": await store.suggestions(account_id, None, SUGGESTIONS_MAX),
    }


async def _edge_list(
    store: FollowerGraph, account_id: AccountId, which: EdgeList
) -> Sequence[Edge]:
    return await _windowed(lambda window: store.edges(account_id, which, window, PAGE))


async def _term(store: SearchIndex, term: str) -> Answer:
    return {"posts": await _found(store, PostQuery(phrases=((term,),)))}


async def _handle_searched(store: SearchIndex, handle: str) -> Answer:
    return {
        "posts": await _found(store, PostQuery(authors=(handle,))),
        "people": await _people(store, PeopleQuery(handle=handle)),
    }


async def _name_searched(store: SearchIndex, word: str) -> Answer:
    return {"people": await _people(store, PeopleQuery(words=((word,),)))}


async def _links(store: SearchIndex, _list: str) -> Answer:
    return {"posts": await _found(store, PostQuery(has=("links",)))}


async def _found(store: SearchIndex, query: PostQuery) -> Sequence[PostId]:
    return await _windowed(lambda window: store.newest_posts(query, window, PAGE), id_of=int)


async def _people(store: SearchIndex, query: PeopleQuery) -> Sequence[AccountId]:
    return sorted((await store.accounts(query, None, RANKED_MAX)).ids)


async def _post_series(store: Engagement, post_id: PostId) -> Answer:
    return {b: await store.post_series(post_id, *SPAN_MS, b) for b in BUCKET_MS}


async def _account_series(store: Engagement, account_id: AccountId) -> Answer:
    return {b: await store.account_series(account_id, *SPAN_MS, b) for b in BUCKET_MS}


async def _tag_series(store: Engagement, tag: str) -> Answer:
    return {b: await store.tag_series(tag, *SPAN_MS, b) for b in BUCKET_MS}


async def _top(store: Trends, hour: int) -> Answer:
    return {"top": await store.top(hour * HOUR_MS, TRENDS_MAX)}


async def _notified(store: Notifications, account_id: AccountId) -> Answer:
    return {
        "notifications": await _windowed(lambda window: store.page(account_id, window, PAGE)),
        "unread": await store.unread_count(account_id),
    }


async def _profile(store: AccountDirectory, account_id: AccountId) -> Answer:
    found = (await store.profiles([account_id])).get(account_id)
    return {
        "profile": None if found is None else _members(found),
        "handle": (await store.handles([account_id])).get(account_id),
    }


async def _handle(store: AccountDirectory, handle: str) -> Answer:
    return {"account": await store.by_handle(handle)}


async def _count(store: AccountDirectory, _list: str) -> Answer:
    return {"count": await store.count()}


async def _moderated(store: Moderation, which: str) -> Answer:
    async def page(window: Window) -> Sequence[Any]:
        match which:
            case "suspensions":
                return await store.suspensions(window, PAGE)
            case "hidden-posts":
                return await store.hidden_posts(window, PAGE)
            case "audit-log":
                return await store.audit_log(window, PAGE)
            case _:
                return await store.reports(window, PAGE, resolved=which == "resolved-reports")

    return {"list": await _windowed(page)}


def _first(item: Any) -> int:
    """Items of lists are tuples that begin with their place."""
    return int(item[0])


async def _windowed(
    page: Callable[[Window], Awaitable[Sequence[T]]],
    whole: Window = ALL,
    *,
    id_of: Callable[[T], int] = _first,
) -> Sequence[T]:
    """A list that is paged by windows, whole."""
    return await _walked(
        lambda below: page(whole if below is None else whole._replace(max_id=below)), id_of
    )


async def _walked(
    page: Callable[[Any], Awaitable[Sequence[T]]], place_of: Callable[[T], int]
) -> Sequence[T]:
    """A list, page after page; `page` is asked behind the place of the last item."""
    found: list[T] = []
    place: int | None = None
    while len(found) < LIST_MAX:
        items = await page(place)
        found += items
        if len(items) < PAGE:
            break
        place = place_of(items[-1])
    return found[:LIST_MAX]


def _members(members: bytes) -> object:
    return msgspec.json.decode(b"{%b}" % members)


QUESTIONS: Final[Mapping[str, Sequence[Question]]] = {
    "post_cards": (Question("post", _card), Question("account", _bookmarks)),
    "author_timelines": (Question("account", _author), Question("day", _public)),
    "home_timelines": (Question("account", _home, sampled=HOMES_SAMPLED),),
    "conversations": (Question("post", _conversation),),
    "follower_graph": (Question("account", _edges),),
    "search_index": (
        Question("term", _term),
        Question("handle", _handle_searched),
        Question("name", _name_searched),
        Question("list", _links, ids=("links",)),
    ),
    "engagement": (
        Question("post", _post_series),
        Question("account", _account_series),
        Question("tag", _tag_series),
    ),
    "trends": (Question("hour", _top),),
    "notifications": (Question("account", _notified),),
    "account_directory": (
        Question("account", _profile),
        Question("handle", _handle),
        Question("list", _count, ids=("accounts",)),
    ),
    "moderation": (Question("list", _moderated, ids=MODERATION_LISTS),),
}
