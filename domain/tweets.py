"""Tweets: posts that begin a conversation, perhaps quoting another post."""

from domain.errors import NotAllowed, PostNotFound
from domain.events import PostText, TweetDeleted, TweetEdited, TweetPosted
from domain.ids import AccountId, EventId, PostId
from domain.posts import PostState


def post(
    content: PostText,
    *,
    post_id: PostId,
    author_id: AccountId,
    quoted: PostState | None = None,
    source: str | None = None,
) -> TweetPosted:
    """`quoted` is a post that the author may see; `source` names where an import came from."""
    return TweetPosted(
        event_id=EventId(post_id),
        actor_id=author_id,
        quote_of_id=quoted and quoted.post_id,
        quote_of_author_id=quoted and quoted.author_id,
        source=source,
        personal=content,
    )


def own(state: PostState, account_id: AccountId) -> TweetPosted:
    """The tweet, if it is one and the account's. Raises PostNotFound, NotAllowed."""
    if not isinstance(state.posted, TweetPosted):
        raise PostNotFound
    if state.author_id != account_id:
        raise NotAllowed
    return state.posted


def edit(tweet: TweetPosted, content: PostText, *, event_id: EventId) -> TweetEdited:
    """Every edit is a version, also one to the same text: its mentions are looked up anew."""
    return TweetEdited(
        event_id=event_id, actor_id=tweet.actor_id, post_id=tweet.post_id, personal=content
    )


def delete(tweet: TweetPosted, *, event_id: EventId) -> TweetDeleted:
    """For ever; what replies to it or quotes it stays."""
    return TweetDeleted(
        event_id=event_id,
        actor_id=tweet.actor_id,
        post_id=tweet.post_id,
        quote_of_id=tweet.quote_of_id,
    )
