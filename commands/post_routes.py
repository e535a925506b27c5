"""The commands of tweets and replies: path -> command."""

from typing import Final

import msgspec

from commands.delete_reply import DeleteReply, delete_reply
from commands.delete_tweet import DeleteTweet, delete_tweet
from commands.edit_reply import EditReply, edit_reply
from commands.edit_tweet import EditTweet, edit_tweet
from commands.endpoints import answering, command_route
from commands.ports import Ports
from commands.post_tweet import PostTweet, post_tweet
from commands.preconditions import versions_in
from commands.reply_to_post import ReplyToPost, reply_to_post
from domain.errors import Invalid
from domain.ids import PostId
from domain.objects import Post
from web.ids import IdText, id_of
from web.routing import Call, Route

TAG: Final = "posts"
_MISSING: Final = frozenset({404})
_EDIT_ERRORS: Final = frozenset({404, 412, 428})


class NewTweet(msgspec.Struct, forbid_unknown_fields=True):
    """`text` weighs 1 to 280 by the rules of twitter-text."""

    text: str
    media_ids: tuple[IdText, ...] = ()
    quote_of_id: IdText | None = None


class NewReply(msgspec.Struct, forbid_unknown_fields=True):
    """`text` weighs 1 to 280 by the rules of twitter-text."""

    text: str
    media_ids: tuple[IdText, ...] = ()


class PostEdit(msgspec.Struct, forbid_unknown_fields=True):
    """The whole new text."""

    text: str


def routes(ports: Ports) -> tuple[Route, ...]:
    """Everything that makes, changes or removes a post."""
    return (*_of_tweets(ports), *_of_replies(ports))


def _of_tweets(ports: Ports) -> tuple[Route, ...]:
    return (
        command_route(
            "POST",
            "/v1/tweets",
            answering(post_tweet, _post_tweet, ports),
            "Post a tweet, perhaps quoting another post",
            body=NewTweet,
            answers={201: Post},
            errors=_MISSING,
            tag=TAG,
        ),
        command_route(
            "PATCH",
            "/v1/tweets/{id:id}",
            answering(edit_tweet, _edit_tweet, ports),
            "Change the text of one's tweet; If-Match names the version that was seen",
            body=PostEdit,
            answers={200: Post},
            errors=_EDIT_ERRORS,
            tag=TAG,
        ),
        command_route(
            "DELETE",
            "/v1/tweets/{id:id}",
            answering(delete_tweet, _delete_tweet, ports),
            "Delete one's tweet",
            answers={204: None},
            errors=_MISSING,
            tag=TAG,
        ),
    )


def _of_replies(ports: Ports) -> tuple[Route, ...]:
    return (
        command_route(
            "POST",
            "/v1/posts/{id:id}/replies",
            answering(reply_to_post, _reply_to_post, ports),
            "Reply to a tweet or a reply",
            body=NewReply,
            answers={201: Post},
            errors=_MISSING,
            tag=TAG,
        ),
        command_route(
            "PATCH",
            "/v1/replies/{id:id}",
            answering(edit_reply, _edit_reply, ports),
            "Change the text of one's reply; If-Match names the version that was seen",
            body=PostEdit,
            answers={200: Post},
            errors=_EDIT_ERRORS,
            tag=TAG,
        ),
        command_route(
            "DELETE",
            "/v1/replies/{id:id}",
            answering(delete_reply, _delete_reply, ports),
            "Delete one's reply",
            answers={204: None},
            errors=_MISSING,
            tag=TAG,
        ),
    )


def _post_tweet(call: Call) -> PostTweet:
    body: NewTweet = call.body
    _refuse_media(body.media_ids)
    quote_of_id = None if body.quote_of_id is None else PostId(id_of(body.quote_of_id))
    return PostTweet(author_id=call.account_id, text=body.text, quote_of_id=quote_of_id)


def _edit_tweet(call: Call) -> EditTweet:
    body: PostEdit = call.body
    return EditTweet(
        author_id=call.account_id,
        post_id=call.path["id"],
        text=body.text,
        versions=versions_in(call.headers),
    )


def _delete_tweet(call: Call) -> DeleteTweet:
    return DeleteTweet(author_id=call.account_id, post_id=call.path["id"])


def _reply_to_post(call: Call) -> ReplyToPost:
    body: NewReply = call.body
    _refuse_media(body.media_ids)
    return ReplyToPost(author_id=call.account_id, in_reply_to_id=call.path["id"], text=body.text)


def _edit_reply(call: Call) -> EditReply:
    body: PostEdit = call.body
    return EditReply(
        author_id=call.account_id,
        post_id=call.path["id"],
        text=body.text,
        versions=versions_in(call.headers),
    )


def _delete_reply(call: Call) -> DeleteReply:
    return DeleteReply(author_id=call.account_id, post_id=call.path["id"])


def _refuse_media(media_ids: tuple[IdText, ...]) -> None:
    if media_ids:
        raise Invalid(("/media_ids", "There are no media with these ids"))
