"""What `PostCards` must answer after a history, told plainly from the whole set of events."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from domain.events import (
    AccountClosed,
    BookmarkAdded,
    BookmarkRemoved,
    Event,
    LikeAdded,
    LikeRemoved,
    PostDeleted,
    PostEdited,
    PostPosted,
    PostText,
    Recorded,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetPosted,
)
from domain.ids import AccountId, EventId, PostId, millis_of
from domain.objects import birth_members, post_json, post_members, text_members
from projections.post_cards import PostCards, PostVersion
from tests import facts
from tests.histories import PEOPLE

PAGE = 2
READERS = tuple(facts.account(name) for name in PEOPLE)
REACTIONS = (LikeAdded | LikeRemoved, RepostAdded | RepostRemoved, BookmarkAdded | BookmarkRemoved)
LIKES, REPOSTS, BOOKMARKS = range(3)


class Answers(NamedTuple):
    """Everything that can be asked about the posts and people of a history."""

    posts: dict[tuple[PostId, AccountId | None], Any]
    counts: dict[PostId, dict[str, int]]
    history: dict[PostId, list[PostVersion]]
    likers: dict[PostId, list[tuple[EventId, AccountId]]]
    reposters: dict[PostId, list[tuple[EventId, AccountId]]]
    bookmarks: dict[AccountId, list[tuple[EventId, PostId]]]


def post_ids(history: Iterable[Recorded]) -> list[PostId]:
    """The posts of a history, deleted ones too."""
    return [r.event.post_id for r in history if isinstance(r.event, PostPosted)]


async def answers(store: PostCards, history: Sequence[Recorded]) -> Answers:
    """What the store says; lists are walked in small pages."""
    asked = post_ids(history)
    posts = {}
    for reader in (None, *READERS):
        for post_id, card in (await store.cards(asked, reader)).items():
            viewer = None if reader is None else card.viewer
            joined = post_json(card.members, viewer)
            posts[post_id, reader] = (card.version, orjson.loads(joined))
    return Answers(
        posts,
        {p: _as_dict(await store.counts(p)) for p in asked},
        {p: await _versions_of(store, p) for p in asked},
        {p: await _walk(store.likers, p) for p in asked},
        {p: await _walk(store.reposters, p) for p in asked},
        {reader: await _walk(store.bookmarks, reader) for reader in READERS},
    )


def expected(history: Sequence[Recorded]) -> Answers:
    """What a store must say."""
    events = [recorded.event for recorded in history]
    closed = {e.actor_id for e in events if isinstance(e, AccountClosed)}
    gone = {e.post_id for e in events if isinstance(e, PostDeleted)}
    live = {
        e.post_id: e
        for e in events
        if isinstance(e, PostPosted) and e.post_id not in gone and e.actor_id not in closed
    }
    on = tuple(_on(events, family, closed, live) for family in REACTIONS)
    asked = post_ids(history)
    counts = {p: _counts(p, live, on) if p in live else _no_counts() for p in asked}
    versions = {p: _versions(p, live, history) for p in asked}
    return Answers(
        {
            (p, reader): (
                versions[p][-1].version,
                _post(live[p], versions[p][-1].text, counts[p], reader, on),
            )
            for p in live
            for reader in (None, *READERS)
        },
        counts,
        versions,
        {p: [(e, who) for e, who, post in on[LIKES] if post == p] for p in asked},
        {p: [(e, who) for e, who, post in on[REPOSTS] if post == p] for p in asked},
        {r: [(e, post) for e, who, post in on[BOOKMARKS] if who == r] for r in READERS},
    )


_On = list[tuple[EventId, AccountId, PostId]]


def _on(
    events: Sequence[Event], family: Any, closed: set[AccountId], live: dict[PostId, PostPosted]
) -> _On:
    """The reactions of a family that stand, on posts that are there, newest first."""
    latest: dict[tuple[AccountId, PostId], Any] = {}
    for event in sorted(events, key=lambda e: e.event_id):
        if isinstance(event, family):
            latest[event.actor_id, event.post_id] = event
    return sorted(
        (
            (event.event_id, who, post)
            for (who, post), event in latest.items()
            if type(event).__name__.endswith("Added") and who not in closed and post in live
        ),
        reverse=True,
    )


def _versions(
    post_id: PostId, live: dict[PostId, PostPosted], history: Sequence[Recorded]
) -> list[PostVersion]:
    if post_id not in live:
        return []
    content = live[post_id].personal or PostText("")
    first = PostVersion(1, millis_of(post_id), text_members(content, version=1, edited_at_ms=None))
    edits = [
        (1 + r.version, millis_of(r.event.event_id), r.event.personal or PostText(""))
        for r in history
        if isinstance(r.event, PostEdited) and r.event.post_id == post_id
    ]
    return [
        first,
        *(
            PostVersion(v, at, text_members(text, version=v, edited_at_ms=at))
            for v, at, text in sorted(edits)
        ),
    ]


def _counts(post_id: PostId, live: dict[PostId, PostPosted], on: tuple[_On, ...]) -> dict[str, int]:
    posts = live.values()
    return {
        "replies": sum(isinstance(p, ReplyPosted) and p.in_reply_to_id == post_id for p in posts),
        "reposts": sum(post == post_id for _, _, post in on[REPOSTS]),
        "likes": sum(post == post_id for _, _, post in on[LIKES]),
        "quotes": sum(isinstance(p, TweetPosted) and p.quote_of_id == post_id for p in posts),
    }


def _no_counts() -> dict[str, int]:
    return dict.fromkeys(("replies", "reposts", "likes", "quotes"), 0)


def _post(
    posted: PostPosted,
    text: bytes,
    counts: dict[str, int],
    reader: AccountId | None,
    on: tuple[_On, ...],
) -> Any:
    done = [
        any((who, post) == (reader, posted.post_id) for _, who, post in family) for family in on
    ]
    viewer = dict(zip(("liked", "reposted", "bookmarked"), done, strict=True))
    return orjson.loads(
        post_json(
            post_members(birth_members(posted), text, orjson.dumps(counts)),
            None if reader is None else orjson.dumps(viewer),
        )
    )


def _as_dict(counts: Any) -> dict[str, int]:
    return {name: getattr(counts, name) for name in counts.__struct_fields__}


async def _versions_of(store: PostCards, post_id: PostId) -> list[PostVersion]:
    found: list[PostVersion] = []
    while page := await store.history(post_id, PAGE, after=found[-1].version if found else 0):
        found += page
    return found


async def _walk(listed: Callable[..., Awaitable[Sequence[Any]]], key: int) -> list[Any]:
    found: list[Any] = []
    before = None
    while page := await listed(key, PAGE, before=before):
        found += page
        before = page[-1].event_id
    return [tuple(item) for item in found]
