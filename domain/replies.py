"""Replies: posts that answer a tweet or another reply, within its conversation."""

from domain.errors import NotAllowed, PostNotFound
from domain.events import PostText, ReplyDeleted, ReplyEdited, ReplyPosted
from domain.ids import AccountId, EventId, PostId
from domain.posts import PostState


def post(
    content: PostText,
    *,
    post_id: PostId,
    author_id: AccountId,
    parent: PostState,
    source: str | None = None,
) -> ReplyPosted:
    """`parent` is a post that the author may see; `source` names where an import came from."""
    return ReplyPosted(
        event_id=EventId(post_id),
        actor_id=author_id,
        in_reply_to_id=parent.post_id,
        in_reply_to_author_id=parent.author_id,
        conversation_id=parent.conversation_id,
        source=source,
        personal=content,
    )


def own(state: PostState, account_id: AccountId) -> ReplyPosted:
    """The reply, if it is one and the account's. Raises PostNotFound, NotAllowed."""
    if not isinstance(state.posted, ReplyPosted):
        raise PostNotFound
    if state.author_id != account_id:
        raise NotAllowed
    return state.posted


def edit(reply: ReplyPosted, content: PostText, *, event_id: EventId) -> ReplyEdited:
    """Every edit is a version, also one to the same text: its mentions are looked up anew."""
    return ReplyEdited(
        event_id=event_id, actor_id=reply.actor_id, post_id=reply.post_id, personal=content
    )


def delete(reply: ReplyPosted, *, event_id: EventId) -> ReplyDeleted:
    """For ever; replies to it stay in the conversation."""
    return ReplyDeleted(
        event_id=event_id,
        actor_id=reply.actor_id,
        post_id=reply.post_id,
        in_reply_to_id=reply.in_reply_to_id,
        conversation_id=reply.conversation_id,
    )
