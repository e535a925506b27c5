"""What the log says a person did, once their words are gone: where to look for what is left of
them, and a digest of it. Everything is of public fields, so that it can be found again later."""

from hashlib import blake2b
from typing import Any, Final

import msgspec

from domain.events import (
    Event,
    LikeAdded,
    PostPosted,
    Recorded,
    RelationshipFact,
    ReplyPosted,
    RepostAdded,
    TweetPosted,
)
from domain.ids import AccountId, PostId, millis_of

# Of each kind the newest so many are asked about.
ASKED_MAX: Final = 1_000
_DIGEST_BYTES: Final = 32
_ALL: Final = 1 << (8 * _DIGEST_BYTES)
_encode: Final = msgspec.msgpack.Encoder().encode


class Trace:
    """Takes the whole log, in any order."""

    def __init__(self, account_id: AccountId) -> None:
        self.account_id = account_id
        self.events = 0
        self.first_ms: int | None = None
        self._sum = 0
        self._posts: dict[PostId, None] = {}
        self._answered: dict[PostId, None] = {}
        self._reacted: dict[PostId, None] = {}
        self._others: dict[AccountId, None] = {}

    def take(self, recorded: Recorded) -> None:
        """One event, whoever it is of."""
        event = recorded.event
        if event.actor_id == self.account_id:
            self.events += 1
            self._sum = (self._sum + _number_of(recorded)) % _ALL
            self._look(event)
        elif isinstance(event, RelationshipFact) and event.target_id == self.account_id:
            self._others[event.actor_id] = None

    @property
    def digest(self) -> str:
        """Of the person's events as they can be read without their key; the same for any order."""
        return self._sum.to_bytes(_DIGEST_BYTES, "big").hex()

    @property
    def posts(self) -> list[PostId]:
        """The newest posts."""
        return _newest(self._posts)

    @property
    def answered(self) -> list[PostId]:
        """What the person replied to."""
        return _newest(self._answered)

    @property
    def reacted(self) -> list[PostId]:
        """What the person liked or reposted."""
        return _newest(self._reacted)

    @property
    def others(self) -> list[AccountId]:
        """Whom the person had to do with."""
        return _newest(self._others)

    def _look(self, event: Event) -> None:
        at_ms = millis_of(event.event_id)
        self.first_ms = at_ms if self.first_ms is None else min(self.first_ms, at_ms)
        match event:
            case TweetPosted() | ReplyPosted():
                self._look_at_post(event)
            case LikeAdded() | RepostAdded():
                self._reacted[event.post_id] = None
                self._others[event.post_author_id] = None
            case RelationshipFact():
                self._others[event.target_id] = None
            case _:
                pass

    def _look_at_post(self, post: PostPosted) -> None:
        self._posts[post.post_id] = None
        if isinstance(post, ReplyPosted):
            self._answered[post.in_reply_to_id] = None
            self._others[post.in_reply_to_author_id] = None


def _number_of(recorded: Recorded) -> int:
    event: Any = recorded.event
    if getattr(event, "personal", None) is not None:
        event = msgspec.structs.replace(event, personal=None)
    public = _encode((event.TYPE, recorded.version, event))
    return int.from_bytes(blake2b(public, digest_size=_DIGEST_BYTES).digest(), "big")


def _newest(found: dict[Any, None]) -> list[Any]:
    return sorted(found, reverse=True)[:ASKED_MAX]
