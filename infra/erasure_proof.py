"""Asks every store what it still answers about a person who was erased: 0 everywhere, or they
were not. The questions are the ports' own, those that pages for readers are made of.

Whom and what to ask about comes from the log (`erasure_trace`), and what the person was called and
wrote from the views, before it went.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from domain.ids import AccountId
from domain.objects import AccountViewer, post_json
from domain.search_query import parse_people, parse_query
from infra.erasure_trace import Trace
from projections.engagement import Tally
from projections.follower_graph import EdgeCounts, EdgeList
from projections.stores import Stores
from projections.windows import Window

PAGE: Final = 100
# Whose pages are looked at, one question each.
OTHERS_ASKED_MAX: Final = 100
PHRASE_CHARS_MAX: Final = 120
_LISTS: Final[tuple[EdgeList, ...]] = ("followers", "following", "blocks", "mutes")
_STRANGER: Final = AccountViewer()


class Known(NamedTuple):
    """What was known of a person before they were erased: a handle, and texts of theirs."""

    handle: str = ""
    texts: tuple[str, ...] = ()


class Asked(NamedTuple):
    """Everything a question needs."""

    stores: Stores
    trace: Trace
    known: Known
    now_ms: int


async def still_answered(asked: Asked) -> Mapping[str, int]:
    """By projection: how many things its store answers that are of the person, or name them.

    Trends answer nothing about anybody. Raises StoreUnavailable.
    """
    return {name: await question(asked) for name, question in _QUESTIONS.items()}


async def known_of(stores: Stores, account_id: AccountId, handle: str) -> Known:
    """What the views know of somebody who is not erased yet."""
    items = await stores.author_timelines.page(account_id, None, Window(), PAGE)
    own = [item.post_id for item in items if item.reposted_by_id is None]
    cards = await stores.post_cards.cards(own, None)
    return Known(handle, tuple(_text_in(card.members) for card in cards.values()))


async def _account_directory(asked: Asked) -> int:
    directory, account_id = asked.stores.account_directory, asked.trace.account_id
    found = len(await directory.profiles([account_id]))
    found += len(await directory.handles([account_id]))
    if asked.known.handle:
        found += await directory.by_handle(asked.known.handle) == account_id
    return found


async def _author_timelines(asked: Asked) -> int:
    timelines, account_id = asked.stores.author_timelines, asked.trace.account_id
    page = await timelines.page(account_id, None, Window(), PAGE)
    public = await timelines.public_page(Window(), PAGE)
    counts = await timelines.tweet_counts([account_id])
    return len(page) + _of(account_id, (i.author_id for i in public)) + sum(counts.values())


async def _post_cards(asked: Asked) -> int:
    cards, account_id = asked.stores.post_cards, asked.trace.account_id
    found = len(await cards.bookmarks(account_id, PAGE))
    for post_ids in _pages(asked.trace.posts):
        found += len(await cards.cards(post_ids, None))
    for post_id in asked.trace.posts[:OTHERS_ASKED_MAX]:
        found += len(await cards.history(post_id, PAGE))
    for post_id in asked.trace.reacted[:OTHERS_ASKED_MAX]:
        for who in (cards.likers, cards.reposters):
            found += _of(account_id, (one.account_id for one in await who(post_id, PAGE)))
    return found


async def _conversations(asked: Asked) -> int:
    conversations, account_id = asked.stores.conversations, asked.trace.account_id
    found = 0
    for post_id in asked.trace.answered[:OTHERS_ASKED_MAX]:
        replies = await conversations.replies(post_id, PAGE)
        found += _of(account_id, (reply.author_id for reply in replies))
    for post_id in asked.trace.posts[:OTHERS_ASKED_MAX]:
        for reply in await conversations.replies(post_id, 1):
            above = await conversations.ancestors(reply.post_id, PAGE)
            living = (one.author_id for one in above if not one.deleted)
            found += _of(account_id, living)
    return found


async def _home_timelines(asked: Asked) -> int:
    homes, account_id = asked.stores.home_timelines, asked.trace.account_id
    found = len(await homes.page(account_id, Window(), PAGE))
    for other_id in asked.trace.others[:OTHERS_ASKED_MAX]:
        for item in await homes.page(other_id, Window(), PAGE):
            found += account_id in {item.author_id, item.reposted_by_id}
    return found


async def _follower_graph(asked: Asked) -> int:
    graph, account_id = asked.stores.follower_graph, asked.trace.account_id
    found = 0
    for which in _LISTS:
        found += len(await graph.edges(account_id, which, Window(), PAGE))
    counts = (await graph.counts([account_id])).get(account_id, EdgeCounts())
    found += counts.followers + counts.following
    for others in _pages(asked.trace.others):
        relations = await graph.relations(account_id, others)
        found += sum(one != _STRANGER for one in relations.values())
    return found


async def _search_index(asked: Asked) -> int:
    index, trace, handle = asked.stores.search_index, asked.trace, asked.known.handle
    found = 0
    texts = (text.replace('"', " ") for text in asked.known.texts)
    queries = [f'"{text[:PHRASE_CHARS_MAX]}"' for text in texts]
    if handle:
        people = await index.accounts(parse_people(handle), None, PAGE)
        found += _of(trace.account_id, people.ids)
        queries.append(f"from:{handle}")
    own = set(trace.posts)
    for query in queries:
        parsed = parse_query(query)
        if not parsed.finds_nothing:
            posts = await index.newest_posts(parsed, Window(), PAGE)
            found += sum(post_id in own for post_id in posts)
    return found


async def _engagement(asked: Asked) -> int:
    engagement, trace = asked.stores.engagement, asked.trace
    span = (trace.first_ms or asked.now_ms, asked.now_ms + 1)
    found = sum(map(_counted, await engagement.account_series(trace.account_id, *span, "day")))
    for post_id in trace.posts[:OTHERS_ASKED_MAX]:
        found += sum(map(_counted, await engagement.post_series(post_id, *span, "day")))
    return found


async def _trends(asked: Asked) -> int:
    del asked
    return 0


async def _notifications(asked: Asked) -> int:
    notifications, account_id = asked.stores.notifications, asked.trace.account_id
    found = len(await notifications.page(account_id, Window(), PAGE))
    found += await notifications.unread_count(account_id)
    for other_id in asked.trace.others[:OTHERS_ASKED_MAX]:
        told = await notifications.page(other_id, Window(), PAGE)
        found += _of(account_id, (one.actor_id for one in told))
    return found


async def _moderation(asked: Asked) -> int:
    moderation, account_id = asked.stores.moderation, asked.trace.account_id
    found = 0
    for resolved in (False, True):
        for report in await moderation.reports(Window(), PAGE, resolved=resolved):
            found += account_id in {report.reporter_id, report.post_author_id}
    suspended = await moderation.suspensions(Window(), PAGE)
    hidden = await moderation.hidden_posts(Window(), PAGE)
    found += _of(account_id, (one.account_id for one in suspended))
    return found + _of(account_id, (one.author_id for one in hidden))


_QUESTIONS: Final[Mapping[str, Callable[[Asked], Awaitable[int]]]] = {
    "account_directory": _account_directory,
    "author_timelines": _author_timelines,
    "post_cards": _post_cards,
    "conversations": _conversations,
    "home_timelines": _home_timelines,
    "follower_graph": _follower_graph,
    "search_index": _search_index,
    "engagement": _engagement,
    "trends": _trends,
    "notifications": _notifications,
    "moderation": _moderation,
}


def _of(account_id: AccountId, ids: Iterable[AccountId]) -> int:
    return sum(one == account_id for one in ids)


def _pages(ids: list[Any]) -> Iterable[list[Any]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def _counted(tally: Tally) -> int:
    return sum(tally[1:])


def _text_in(members: bytes) -> str:
    return str(orjson.loads(post_json(members, None))["text"])
