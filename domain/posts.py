"""What tweets and replies have in common: a life (posted, edited, deleted) and a text."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from domain.errors import Invalid, NotAllowed, PostNotFound, StaleVersion
from domain.events import (
    MentionOf,
    PostDeleted,
    PostPosted,
    PostText,
    Recorded,
    ReplyPosted,
)
from domain.ids import AccountId, PostId
from domain.text import ParsedPost, parse_post

WEIGHT_MAX: Final = 280
TEXT_CHARS_MAX: Final = 8_000  # before weighing: longer than any text of that weight


class PostState(NamedTuple):
    """A post as a decision needs it."""

    post_id: PostId
    author_id: AccountId
    is_reply: bool
    conversation_id: PostId
    posted: PostPosted
    deleted: bool


def stream_of(post_id: PostId) -> str:
    """The register of a post's creation and deletion."""
    return f"post/{post_id}"


def edits_of(post_id: PostId) -> str:
    """The stream of a post's edits; a post's version is 1 + its edits."""
    return f"edits/{post_id}"


def fold(history: Iterable[Recorded]) -> PostState | None:
    """The state after `history`, in any order; None if the post was never posted."""
    posted: PostPosted | None = None
    deleted = False
    for recorded in history:
        if isinstance(recorded.event, PostPosted):
            posted = recorded.event
        elif isinstance(recorded.event, PostDeleted):
            deleted = True
    if posted is None:
        return None
    if isinstance(posted, ReplyPosted):
        is_reply, conversation_id = True, posted.conversation_id
    else:
        is_reply, conversation_id = False, posted.post_id
    return PostState(posted.post_id, posted.actor_id, is_reply, conversation_id, posted, deleted)


def found(state: PostState | None) -> PostState:
    """The state, if the post is there. Raises PostNotFound."""
    if state is None or state.deleted:
        raise PostNotFound
    return state


def owned_by(state: PostState, account_id: AccountId, *, reply: bool) -> PostState:
    """The state, if the post is of that kind and the account's own.

    Raises PostNotFound, NotAllowed.
    """
    if state.is_reply is not reply:
        raise PostNotFound
    if state.author_id != account_id:
        raise NotAllowed
    return state


def expect_version(current: int, wanted: int) -> None:
    """Refuse an edit of anything but the version the client has seen. Raises StaleVersion."""
    if current != wanted:
        raise StaleVersion(f"The post is at version {current}, not {wanted}")


def parse(text: str) -> ParsedPost:
    """Weigh a text and find what is in it.

    Raises Invalid: empty, too long, or with characters that a post cannot have.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid(("/text", f"The text is longer than {TEXT_CHARS_MAX} characters"))
    if not text.strip():
        raise Invalid(("/text", "The text is empty"))
    parsed = parse_post(text)
    if parsed.weight.weighted_length > WEIGHT_MAX:
        raise Invalid(
            ("/text", f"The text weighs {parsed.weight.weighted_length}, more than {WEIGHT_MAX}")
        )
    if not parsed.weight.valid or "\0" in text:
        raise Invalid(("/text", "The text has characters that a post cannot have"))
    return parsed


def handles_in(parsed: ParsedPost) -> frozenset[str]:
    """The handles that a text mentions, lower-cased."""
    return frozenset(m.handle.lower() for m in parsed.entities.mentions)


def content_of(text: str, parsed: ParsedPost, accounts: Mapping[str, AccountId]) -> PostText:
    """The text with what is in it; `accounts` says whose the lower-cased handles are."""
    entities = parsed.entities
    return PostText(
        text=text,
        hashtags=entities.hashtags,
        mentions=tuple(
            MentionOf(m.handle, accounts.get(m.handle.lower()), m.start, m.end)
            for m in entities.mentions
        ),
        urls=entities.urls,
    )
