"""A conversation around one post: the way down to it from the root, and its direct replies."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from domain.ids import PostId
from domain.objects import Post
from projections.conversations import Ancestor
from projections.conversations import Reply as LiveReply
from projections.post_cards import Card
from read_api.filling import Part, fill_part
from read_api.hydration import cards_of, includes, render_post
from read_api.lists import POSTS_SHOWN_WITH, Includes, next_link, place
from read_api.posts import seen_card
from read_api.sight import Sight, sight_of
from read_api.views import Views
from web.paging import CursorQuery
from web.routing import Auth, Call, Reply, Route

# The nearest ones; the uppermost of them still says which post it answers.
ANCESTORS_MAX: Final = 100
LIST: Final = "replies"

# What is gone, or not for this reader's eyes, keeps its place: what was said below is still there.
_GONE: Final = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "deleted": {"const": True}},
    "required": ["id", "deleted"],
}
_POST_OR_GONE: Final = {"anyOf": [{"$ref": "#/components/schemas/Post"}, _GONE]}
PostOrGone = Annotated[Any, Meta(extra_json_schema=_POST_OR_GONE)]


class Conversation(msgspec.Struct, frozen=True):
    """`ancestors` root first, `replies` direct ones, oldest first."""

    ancestors: tuple[PostOrGone, ...]
    post: Post
    replies: tuple[Post, ...]
    includes: Includes


class Conversations:
    """The endpoint of this resource."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def around(self, call: Call) -> Reply:
        """The conversation around a post."""
        sight = sight_of(call.reader_id, self._views.refusals)
        post = await seen_card(PostId(call.path["id"]), self._views, sight)
        after = place(call, int, LIST)
        above = await self._views.conversations.ancestors(post.post_id, ANCESTORS_MAX)
        live = [ancestor.post_id for ancestor in above if not ancestor.deleted]
        cards = await cards_of(live, self._views, sight) if live else {}
        replies = await self._replies(post.post_id, after, call.query.limit, sight)
        shown = [*cards.values(), post, *replies.shown]
        body = b'{"ancestors":[%b],"post":%b,"replies":[%b],"includes":%b}' % (
            b",".join(_ancestor_json(ancestor, cards, sight) for ancestor in above),
            render_post(post, sight),
            b",".join(render_post(card, sight) for card in replies.shown),
            await includes(shown, (), self._views, sight),
        )
        more = None if replies.reached is None else replies.reached.post_id
        return Reply(200, body, next_link(call, more, LIST))

    async def _replies(
        self, post_id: PostId, after: int | None, limit: int, sight: Sight
    ) -> Part[LiveReply, Card]:
        """Those the reader may see, filled up to the limit."""
        first = None if after is None else PostId(after)

        async def read(last: LiveReply | None, limit: int) -> Sequence[LiveReply]:
            reached = first if last is None else last.post_id
            return await self._views.conversations.replies(post_id, limit, after=reached)

        async def show(found: Sequence[LiveReply]) -> Mapping[LiveReply, Card]:
            cards = await cards_of([reply.post_id for reply in found], self._views, sight)
            return {reply: cards[reply.post_id] for reply in found if reply.post_id in cards}

        return await fill_part(read, show, limit)


def _ancestor_json(ancestor: Ancestor, cards: Mapping[PostId, Card], sight: Sight) -> bytes:
    card = cards.get(ancestor.post_id)
    if card is None:
        return b'{"id":"%d","deleted":true}' % ancestor.post_id
    return render_post(card, sight)


def routes(views: Views) -> tuple[Route, ...]:
    """The routes of this resource."""
    return (
        Route(
            method="GET",
            path="/v1/posts/{id:id}/conversation",
            endpoint=Conversations(views).around,
            summary="The conversation around a post",
            auth=Auth.OPTIONAL,
            query=CursorQuery,
            answers={200: Conversation},
            uses=("conversations", *POSTS_SHOWN_WITH),
            errors=(404,),
            tag="posts",
        ),
    )
