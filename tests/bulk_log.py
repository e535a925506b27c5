"""A log of so many events, written straight into its file: a crowd that signs up, follows, posts,
answers, likes, edits and deletes, all of it mixed as it comes; the same in every run.

It is input: nothing decides about it, so it is written fifty times as fast as commands are taken.
"""

import random
from bisect import bisect
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import accumulate, islice
from pathlib import Path
from typing import Final, NamedTuple

from eventsourcing.persistence import StoredEvent

from domain import posts
from domain.events import (
    AccountFollowed,
    AccountOpened,
    AccountUnfollowed,
    Event,
    HandleClaimed,
    LikeAdded,
    PairState,
    PostText,
    Profile,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    RepostAdded,
    Standing,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import EPOCH_MS, AccountId, EventId, PostId, compose
from infra.folder import LOG_FILE
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.recorder import Entry, GroupRecorder
from streams.envelope import Codec

EVENTS_EACH: Final = 50
GROUP: Final = 20_000
# What people answer, like and repost is among so many of the newest posts.
RECENT: Final = 5_000
FIRST_MS: Final = EPOCH_MS + 400_000_000_000
# An event a minute: the hours and days of the views are full and many.
BETWEEN_MS: Final = 60_000
WORKER: Final = 1
WORDS: Final = ("replayed", "again", "#morning", "news", "of", "the", "day", "ok", "#weather")
RARE_WORDS: Final = 20_000


class Post(NamedTuple):
    """What others can do something with."""

    post_id: PostId
    author_id: AccountId
    in_reply_to_id: PostId | None
    conversation_id: PostId


class Crowd:
    """People who do something in turn; `key_of` blinds handles. What they say is made up, unless
    there are texts for them."""

    def __init__(
        self, people: int, key_of: Callable[[str], str], *, texts: Iterator[str] | None = None
    ) -> None:
        self._chance = random.Random(people)
        self._texts = texts
        self._key_of = key_of
        self._made = 0
        self._to_come = people
        self._people: list[AccountId] = []
        self._handles: dict[AccountId, str] = {}
        self._recent: deque[Post] = deque(maxlen=RECENT)
        self._pairs: dict[str, tuple[PairState, int]] = {}
        kinds = (
            (self._tweets, 28),
            (self._follows, 24),
            (self._likes, 22),
            (self._replies, 12),
            (self._reposts, 8),
            (self._unfollows, 2),
            (self._edits, 2),
            (self._deletes, 2),
        )
        self._kinds = [kind for kind, _ in kinds]
        self._weights = list(accumulate(weight for _, weight in kinds))

    def events(self) -> Iterator[tuple[Event, int]]:
        """Each with its version, without end."""
        while True:
            if self._to_come and (len(self._people) < 2 or self._chance.random() < 0.1):
                yield from self._signs_up()
                continue
            drawn = self._chance.random() * self._weights[-1]
            event = self._kinds[bisect(self._weights, drawn)](self._anybody())
            if event is not None:
                yield event, int(event.event_id) if not event.APPENDED else self._version(event)

    def _signs_up(self) -> Iterator[tuple[Event, int]]:
        self._to_come -= 1
        event_id = self._id()
        person, handle = AccountId(event_id), f"crowd{len(self._people)}"
        key = self._key_of(handle)
        profile = Profile(handle, handle.title(), "one of many")
        yield HandleClaimed(event_id=self._id(), actor_id=person, handle_key=key), 1
        yield (
            AccountOpened(event_id=event_id, actor_id=person, handle_key=key, personal=profile),
            1,
        )
        self._people.append(person)
        self._handles[person] = handle

    def _tweets(self, who: AccountId) -> Event:
        event = TweetPosted(event_id=self._id(), actor_id=who, personal=self._text())
        self._recent.append(Post(event.post_id, who, None, event.post_id))
        return event

    def _replies(self, who: AccountId) -> Event | None:
        if not self._recent:
            return None
        to = self._chance.choice(self._recent)
        event = ReplyPosted(
            event_id=self._id(),
            actor_id=who,
            in_reply_to_id=to.post_id,
            in_reply_to_author_id=to.author_id,
            conversation_id=to.conversation_id,
            personal=self._text(to.author_id),
        )
        self._recent.append(Post(event.post_id, who, to.post_id, to.conversation_id))
        return event

    def _likes(self, who: AccountId) -> Event | None:
        if not self._recent:
            return None
        post = self._chance.choice(self._recent)
        return LikeAdded(
            event_id=self._id(),
            actor_id=who,
            post_id=post.post_id,
            post_author_id=post.author_id,
        )

    def _reposts(self, who: AccountId) -> Event | None:
        if not self._recent:
            return None
        post = self._chance.choice(self._recent)
        return RepostAdded(
            event_id=self._id(),
            actor_id=who,
            post_id=post.post_id,
            post_author_id=post.author_id,
        )

    def _edits(self, _who: AccountId) -> Event | None:
        """The newest post, once at most: its author thinks better of it."""
        if not self._recent:
            return None
        post = self._recent.pop()
        kind = TweetEdited if post.in_reply_to_id is None else ReplyEdited
        return kind(
            event_id=self._id(),
            actor_id=post.author_id,
            post_id=post.post_id,
            personal=self._text(),
        )

    def _deletes(self, _who: AccountId) -> Event | None:
        if not self._recent:
            return None
        post = self._recent.popleft()
        if post.in_reply_to_id is None:
            return TweetDeleted(event_id=self._id(), actor_id=post.author_id, post_id=post.post_id)
        return ReplyDeleted(
            event_id=self._id(),
            actor_id=post.author_id,
            post_id=post.post_id,
            in_reply_to_id=post.in_reply_to_id,
            conversation_id=post.conversation_id,
        )

    def _follows(self, who: AccountId) -> Event | None:
        """Those who came first are followed by many."""
        other = self._people[int(len(self._people) * self._chance.random() ** 3)]
        return self._relates(who, other, follows=True)

    def _unfollows(self, who: AccountId) -> Event | None:
        other = self._people[int(len(self._people) * self._chance.random() ** 3)]
        return self._relates(who, other, follows=False)

    def _relates(self, who: AccountId, other: AccountId, *, follows: bool) -> Event | None:
        if who == other:
            return None
        stream = f"relationship/{min(who, other)}/{max(who, other)}"
        state, version = self._pairs.get(stream, (PairState(), 0))
        stands, low = Standing(follows=follows), who < other
        if (state.low if low else state.high) == stands:
            return None
        after = PairState(stands, state.high) if low else PairState(state.low, stands)
        self._pairs[stream] = after, version + 1
        kind = AccountFollowed if follows else AccountUnfollowed
        return kind(event_id=self._id(), actor_id=who, target_id=other, after=after)

    def _version(self, event: Event) -> int:
        """Of an appended event: an edit is a post's only one."""
        known = self._pairs.get(event.stream)
        return 1 if known is None else known[1]

    def _text(self, mentioned: AccountId | None = None) -> PostText:
        text = self._made_up() if self._texts is None else f"{WORDS[0]} {next(self._texts)}"
        if mentioned is None:
            return posts.content_of(text, posts.parse(text), {})
        text = f"@{self._handles[mentioned]} {text}"
        return posts.content_of(text, posts.parse(text), {self._handles[mentioned]: mentioned})

    def _made_up(self) -> str:
        words = self._chance.choices(WORDS, k=7)
        return f"{' '.join(words)} rare{int(RARE_WORDS * self._chance.random() ** 2)}"

    def _anybody(self) -> AccountId:
        """Some do far more than others."""
        return self._people[int(len(self._people) * self._chance.random() ** 1.5)]

    def _id(self) -> EventId:
        self._made += 1
        return EventId(compose(FIRST_MS + BETWEEN_MS * self._made, WORKER, 0))


def write(folder: Path, events: int) -> None:
    """Make a data folder with a log of so many events, of which nothing is projected yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "projections").mkdir(exist_ok=True)
    with closing(SqliteKeyring(folder / "keys.db")) as keyring:
        codec, recorder = Codec(keyring), GroupRecorder(folder / LOG_FILE)
        recorder.create_table()
        made = Crowd(max(events // EVENTS_EACH, 2), keyring.key_of).events()
        for first in range(0, events, GROUP):
            group = list(islice(made, min(GROUP, events - first)))
            keyring.ensure({event.person_id for event, _ in group})
            stored = [
                StoredEvent(event.stream, version, *codec.encode(event)) for event, version in group
            ]
            recorder.insert_group([Entry(stored)])
        recorder.datastore.close()
