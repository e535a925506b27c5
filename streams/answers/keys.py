"""What a log knows: the keys by which projections are asked, noted while it is read."""

import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence, Set
from functools import cache
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

import msgspec

from domain.events import (
    AccountOpened,
    Event,
    ImpressionsRecorded,
    PostEdited,
    PostPosted,
    PostText,
    Profile,
    ProfileChanged,
    ReplyEdited,
    ReplyPosted,
    TweetEdited,
    TweetPosted,
)
from domain.hashtags import tag_key
from domain.ids import millis_of
from domain.search_terms import search_terms, terms_around

SHARDS: Final = 16
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

# A day and an hour are those of posts, in whole ones since 1970. A list is a whole list of the
# projection's own.
Kind = Literal["account", "post", "handle", "name", "tag", "term", "day", "hour", "list"]

_ACCOUNTS: Final = frozenset(
    {
        "actor_id",
        "account_id",
        "target_id",
        "post_author_id",
        "in_reply_to_author_id",
        "quote_of_author_id",
    }
)
POSTS: Final = frozenset({"post_id", "in_reply_to_id", "quote_of_id", "conversation_id"})


class Key(NamedTuple):
    """What a question is about."""

    kind: Kind
    id: int | str

    @property
    def name(self) -> str:
        """As people are told."""
        return f"{self.kind}/{self.id}"

    @property
    def shard(self) -> int:
        """Which of the digests it counts in."""
        return blake2b(self.name.encode(), digest_size=1).digest()[0] % SHARDS


class Known:
    """The keys of these kinds that came so far. All of them are held in memory."""

    def __init__(self, kinds: Collection[Kind]) -> None:
        self._kinds = frozenset(kinds)
        self._ids: dict[Kind, set[int | str]] = defaultdict(set)

    def note(self, event: Event) -> None:
        """Take what an event names."""
        accounts, posts = _fields(type(event))
        self._ids["account"].update(filter(None, (getattr(event, name) for name in accounts)))
        self._ids["post"].update(filter(None, (getattr(event, name) for name in posts)))
        match event:
            case TweetPosted() | ReplyPosted() | TweetEdited() | ReplyEdited():
                self._note_text(event)
            case AccountOpened(personal=profile) | ProfileChanged(personal=profile):
                self._note_profile(profile)
            case ImpressionsRecorded():
                self._ids["post"].update(event.post_ids)
            case _:
                pass

    def add(self, key: Key) -> None:
        """Take a key itself."""
        self._ids[key.kind].add(key.id)

    def ids(self, kind: Kind) -> Set[int | str]:
        """What the keys of a kind are about."""
        return self._ids.get(kind, frozenset())

    def meets(self, other: "Known") -> bool:
        """Whether some key is in both."""
        return any(not ids.isdisjoint(other.ids(kind)) for kind, ids in self._ids.items())

    def keys(self, kind: Kind, sample: int = 0) -> Sequence[Key]:
        """Those of a kind, or so many of them, drawn anew each time."""
        ids = self._ids[kind]
        if sample and len(ids) > sample:
            drawn = random.sample(sorted(ids, key=str), sample)
            return [Key(kind, one) for one in drawn]
        return [Key(kind, one) for one in ids]

    def _note_text(self, event: PostPosted | PostEdited) -> None:
        self._ids["post"].add(event.post_id)
        at_ms = millis_of(event.post_id)
        self._ids["day"].add(at_ms // DAY_MS)
        if event.personal is None:
            return
        mentions = event.personal.mentions
        self._ids["account"].update(at.account_id for at in mentions if at.account_id)
        if event.personal.hashtags:
            self._ids["hour"].add(at_ms // HOUR_MS)
            self._ids["tag"].update(tag_key(hashtag.tag) for hashtag in event.personal.hashtags)
        if "term" in self._kinds:
            self._ids["term"].update(_terms(event.personal))

    def _note_profile(self, profile: Profile | None) -> None:
        if profile is not None:
            self._ids["handle"].add(profile.handle.lower())
            if "name" in self._kinds:
                self._ids["name"].update(search_terms(profile.display_name))


def _terms(text: PostText) -> Iterator[str]:
    tags = [tag.tag for tag in text.hashtags]
    yield from terms_around(text.text, text.urls, tags, [at.handle for at in text.mentions])


@cache
def _fields(kind: type[Event]) -> tuple[Sequence[str], Sequence[str]]:
    """The names of an event's members that are accounts, and of those that are posts."""
    names = [field.name for field in msgspec.structs.fields(kind)]
    return [n for n in names if n in _ACCOUNTS], [n for n in names if n in POSTS]
