"""What tweets and replies have in common: a life (posted, edited, deleted) and a text."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from domain.errors import Invalid, PostNotFound, StaleVersion
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
# Before weighing, which takes time: only a text of very long URLs could be longer and light.
TEXT_CHARS_MAX: Final = 4_096

# The versions of a post that an edit may be of; None for any.
Versions = frozenset[int] | None

# What cannot be stored or shown everywhere: control characters but white space, lone surrogates,
# and the non-characters of twitter-text. The other controls (C1) occur in real, imported posts.
_REFUSED: Final = re.compile("[\0-\x08\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")


class PostState(NamedTuple):
    """A post as a decision needs it."""

    post_id: PostId
    author_id: AccountId
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
    root = posted.conversation_id if isinstance(posted, ReplyPosted) else posted.post_id
    return PostState(posted.post_id, posted.actor_id, root, posted, deleted)


def found(state: PostState | None) -> PostState:
    """The state, if the post is there. Raises PostNotFound."""
    if state is None or state.deleted:
        raise PostNotFound
    return state


def version_after(latest_edit: Recorded | None) -> int:
    """A post's version, given the newest of its edits: 1 at creation and 1 more for each edit."""
    return 1 if latest_edit is None else 1 + latest_edit.version


def expect_version(current: int, wanted: Versions) -> None:
    """Refuse an edit of anything but a version that the client has seen. Raises StaleVersion."""
    if wanted is not None and current not in wanted:
        raise StaleVersion(f"The post is at version {current}")


def parse(text: str) -> ParsedPost:
    """Weigh a text and find what is in it.

    Raises Invalid: empty, too long, or with characters that a post cannot have.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid(("/text", f"The text has more than {TEXT_CHARS_MAX} characters"))
    if not text.strip():
        raise Invalid(("/text", "The text is empty"))
    refused = _REFUSED.search(text)
    if refused is not None:
        named = f"U+{ord(refused[0]):04X} at {refused.start()}"
        raise Invalid(("/text", f"A post cannot have the character {named}"))
    parsed = parse_post(text)
    weight = parsed.weight.weighted_length
    if weight > WEIGHT_MAX:
        raise Invalid(("/text", f"The text weighs {weight}, more than {WEIGHT_MAX}"))
    return parsed


def handles_in(parsed: ParsedPost) -> frozenset[str]:
    """The handles that a text mentions, lower-cased."""
    return frozenset(m.handle.lower() for m in parsed.entities.mentions)


def content_of(
    text: str,
    parsed: ParsedPost,
    accounts: Mapping[str, AccountId],
    blocked: Collection[AccountId] = (),
) -> PostText:
    """The text with what is in it; `accounts` says whose the lower-cased handles are, `blocked`
    who of them and the author cannot reach each other."""
    mentions = []
    for mention in parsed.entities.mentions:
        account_id = accounts.get(mention.handle.lower())
        silent = account_id in blocked
        mentions.append(MentionOf(mention.handle, account_id, mention.start, mention.end, silent))
    return PostText(
        text=text,
        hashtags=parsed.entities.hashtags,
        mentions=tuple(mentions),
        urls=parsed.entities.urls,
    )
