"""Single posts, posts in bulk, their history, and who liked or reposted them."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from domain.errors import PostNotFound
from domain.ids import EventId, PostId, rfc3339
from domain.objects import Entities, Post
from projections.post_cards import Bookmark, Card, PostVersion, Reaction
from read_api.filling import fill_part
from read_api.hydration import cards_of, page_json, render_post
from read_api.lists import (
    NO_INCLUDES,
    POSTS_SHOWN_WITH,
    AccountsPage,
    Includes,
    PostsPage,
    accounts_part,
    next_link,
    place,
    posts_page,
)
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import CursorQuery, IdsQuery
from web.routing import Auth, Call, Endpoint, Reply, Route

ETAG_BYTES: Final = 8
Reactions = Callable[..., Awaitable[Sequence[Reaction]]]


class Version(msgspec.Struct, frozen=True):
    """A post's text as it was from `created_at` until the next version."""

    version: int
    created_at: str
    text: str
    entities: Entities


class VersionsPage(msgspec.Struct, frozen=True):
    """Oldest first."""

    items: tuple[Version, ...]
    includes: Includes


class Posts:
    """The endpoints of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def one(self, call: Call) -> Reply:
        """A single post, or 304 while it is the one the client has."""
        sight = self._sight(call)
        card = await seen_card(PostId(call.path["id"]), self._views, sight)
        body = render_post(card, sight)
        etag = etag_of(card.version, body)
        headers = (
            ("ETag", etag),
            ("Cache-Control", "private, no-cache"),
            ("Vary", "Authorization"),
        )
        if not etags_in(call.headers.get("if-none-match")).isdisjoint((etag, "*")):
            return Reply(304, b"", headers)
        return Reply(200, body, headers)

    async def several(self, call: Call) -> Reply:
        """The posts that are there, in the order asked for."""
        sight = self._sight(call)
        wanted = [PostId(number) for number in call.query.numbers]
        cards = await cards_of(wanted, self._views, sight)
        shown = [cards[post_id] for post_id in wanted if post_id in cards]
        return await posts_page(shown, (), self._views, sight)

    async def history(self, call: Call) -> Reply:
        """Every version of a post's text."""
        card = await seen_card(PostId(call.path["id"]), self._views, self._sight(call))
        after = place(call, int, "history") or 0
        limit = call.query.limit
        versions = await self._views.post_cards.history(card.post_id, limit + 1, after=after)
        items = [version_json(version) for version in versions[:limit]]
        more = versions[limit - 1].version if len(versions) > limit else None
        return Reply(200, page_json(items, NO_INCLUDES), next_link(call, more, "history"))

    async def likes(self, call: Call) -> Reply:
        """Accounts that like a post, newest like first."""
        return await self._reactions(call, self._views.post_cards.likers, "likes")

    async def reposts(self, call: Call) -> Reply:
        """Accounts that repost a post, newest repost first."""
        return await self._reactions(call, self._views.post_cards.reposters, "reposts")

    async def bookmarks(self, call: Call) -> Reply:
        """The reader's own bookmarks."""
        sight = self._sight(call)
        first = place(call, EventId, "bookmarks")

        async def read(last: Bookmark | None, limit: int) -> Sequence[Bookmark]:
            before = first if last is None else last.event_id
            return await self._views.post_cards.bookmarks(call.account_id, limit, before=before)

        async def show(found: Sequence[Bookmark]) -> Mapping[Bookmark, Card]:
            cards = await cards_of([bookmark.post_id for bookmark in found], self._views, sight)
            return {one: cards[one.post_id] for one in found if one.post_id in cards}

        part = await fill_part(read, show, call.query.limit)
        more = None if part.reached is None else part.reached.event_id
        links = next_link(call, more, "bookmarks")
        return await posts_page(part.shown, links, self._views, sight)

    async def _reactions(self, call: Call, list_of: Reactions, name: str) -> Reply:
        sight = self._sight(call)
        card = await seen_card(PostId(call.path["id"]), self._views, sight)
        first = place(call, EventId, name)

        async def read(last: Reaction | None, limit: int) -> Sequence[Reaction]:
            before = first if last is None else last.event_id
            return await list_of(card.post_id, limit, before=before)

        return await accounts_part(call, name, read, self._views, sight, place_of=_reaction_id)

    def _sight(self, call: Call) -> Sight:
        return sight_of(call.reader_id, self._views.refusals)


async def seen_card(post_id: PostId, views: Views, sight: Sight) -> Card:
    """The post's card. Raises PostNotFound if it is not there or the reader may not see it."""
    card = (await cards_of([post_id], views, sight)).get(post_id)
    if card is None:
        raise PostNotFound
    return card


def _reaction_id(reaction: Reaction) -> EventId:
    return reaction.event_id


def etag_of(version: int, body: bytes) -> str:
    """`"<version>.<hash>"`: the version for If-Match, the hash for what else a reader sees."""
    return f'"{version}.{hashlib.blake2b(body, digest_size=ETAG_BYTES).hexdigest()}"'


def etags_in(if_none_match: str | None) -> frozenset[str]:
    """The entity tags of an If-None-Match header, compared weakly (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return frozenset()
    return frozenset(tag.strip().removeprefix("W/") for tag in if_none_match.split(","))


def version_json(version: PostVersion) -> bytes:
    """One version of a text as JSON; its own `edited_at` and `version` are in the members."""
    return b'{"created_at":"%b",%b}' % (rfc3339(version.written_at_ms).encode(), version.text)


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    posts = Posts(views)

    def get(path: str, endpoint: Endpoint, summary: str, **further: Any) -> Route:
        return Route(
            method="GET",
            path=path,
            endpoint=endpoint,
            summary=summary,
            uses=POSTS_SHOWN_WITH,
            tag="posts",
            **{"auth": Auth.OPTIONAL, **further},
        )

    return (
        get(
            "/v1/posts/{id:id}",
            posts.one,
            "One post",
            answers={200: Post, 304: None},
            errors=(404,),
        ),
        get("/v1/posts", posts.several, "Posts by id", query=IdsQuery, answers={200: PostsPage}),
        get(
            "/v1/posts/{id:id}/history",
            posts.history,
            "Every version of a post",
            query=CursorQuery,
            answers={200: VersionsPage},
            errors=(404,),
        ),
        get(
            "/v1/posts/{id:id}/likes",
            posts.likes,
            "Who likes a post",
            query=CursorQuery,
            answers={200: AccountsPage},
            errors=(404,),
        ),
        get(
            "/v1/posts/{id:id}/reposts",
            posts.reposts,
            "Who reposts a post",
            query=CursorQuery,
            answers={200: AccountsPage},
            errors=(404,),
        ),
        get(
            "/v1/bookmarks",
            posts.bookmarks,
            "The reader's bookmarks",
            auth=Auth.REQUIRED,
            query=CursorQuery,
            answers={200: PostsPage},
        ),
    )
