"""Events for tests: `tweet("ada", "hello")`, and a recorder that gives them versions and positions.

People are named; ids are made from names and a counter, so that the same calls give the same ids.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import count

from domain import posts, relationships
from domain.events import (
    AccountFollowed,
    AccountOpened,
    Event,
    LikeAdded,
    LikeRemoved,
    PairState,
    PostText,
    Profile,
    Recorded,
    RelationshipFact,
    ReplyDeleted,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    Standing,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import EPOCH_MS, AccountId, EventId, ItemId, PostId, compose

NOON_MS = EPOCH_MS + 500_000_000_000
NAMES = ("ada", "bob", "cleo", "dan", "eve", "fay", "gus", "hal")
_minutes = count(1)


def account(name: str) -> AccountId:
    """The id of a named person, made long before every event."""
    return AccountId(compose(NOON_MS - 10_000_000, 0, NAMES.index(name) + 1))


def event_id(minute: int | None = None) -> EventId:
    """An id `minute` minutes after noon; by default later than every one given before."""
    return EventId(compose(NOON_MS + 60_000 * (minute or next(_minutes)), 1, 0))


def text_of(text: str) -> PostText:
    """The text as a post has it; mentioned people are found by their names."""
    people = {name: account(name) for name in NAMES}
    return posts.content_of(text, posts.parse(text), people)


def opened(name: str, display_name: str | None = None, bio: str = "") -> AccountOpened:
    return AccountOpened(
        event_id=EventId(account(name)),
        actor_id=account(name),
        handle_key=f"key-of-{name}",
        personal=Profile(name, name.title() if display_name is None else display_name, bio),
    )


def tweet(
    author: str, text: str = "hello", *, quoting: TweetPosted | None = None, at: int | None = None
) -> TweetPosted:
    return TweetPosted(
        event_id=event_id(at),
        actor_id=account(author),
        quote_of_id=None if quoting is None else quoting.post_id,
        quote_of_author_id=None if quoting is None else quoting.actor_id,
        personal=text_of(text),
    )


def reply(
    author: str, to: TweetPosted | ReplyPosted, text: str = "yes", *, at: int | None = None
) -> ReplyPosted:
    root = to.conversation_id if isinstance(to, ReplyPosted) else to.post_id
    return ReplyPosted(
        event_id=event_id(at),
        actor_id=account(author),
        in_reply_to_id=to.post_id,
        in_reply_to_author_id=to.actor_id,
        conversation_id=root,
        personal=text_of(text),
    )


def edited(post: TweetPosted, text: str) -> TweetEdited:
    return TweetEdited(
        event_id=event_id(), actor_id=post.actor_id, post_id=post.post_id, personal=text_of(text)
    )


def deleted(post: TweetPosted | ReplyPosted) -> TweetDeleted | ReplyDeleted:
    if isinstance(post, ReplyPosted):
        return ReplyDeleted(
            event_id=event_id(),
            actor_id=post.actor_id,
            post_id=post.post_id,
            in_reply_to_id=post.in_reply_to_id,
            conversation_id=post.conversation_id,
        )
    return TweetDeleted(
        event_id=event_id(),
        actor_id=post.actor_id,
        post_id=post.post_id,
        quote_of_id=post.quote_of_id,
    )


def liked(name: str, post: TweetPosted | ReplyPosted) -> LikeAdded:
    return LikeAdded(
        event_id=event_id(),
        actor_id=account(name),
        post_id=post.post_id,
        post_author_id=post.actor_id,
    )


def unliked(name: str, post: TweetPosted | ReplyPosted) -> LikeRemoved:
    return LikeRemoved(
        event_id=event_id(),
        actor_id=account(name),
        post_id=post.post_id,
        post_author_id=post.actor_id,
    )


def reposted(name: str, post: TweetPosted | ReplyPosted) -> RepostAdded:
    return RepostAdded(
        event_id=event_id(),
        actor_id=account(name),
        post_id=post.post_id,
        post_author_id=post.actor_id,
    )


def unreposted(
    name: str, post: TweetPosted | ReplyPosted, *, repost: RepostAdded | None = None
) -> RepostRemoved:
    return RepostRemoved(
        event_id=event_id(),
        actor_id=account(name),
        post_id=post.post_id,
        post_author_id=post.actor_id,
        repost_id=None if repost is None else ItemId(repost.event_id),
    )


def followed_stranger(follower: AccountId, stranger: AccountId) -> AccountFollowed:
    """The first follow of somebody without a name, who came later (whose id is higher)."""
    after = PairState(low=Standing(follows=True))
    return AccountFollowed(event_id=event_id(), actor_id=follower, target_id=stranger, after=after)


class Log:
    """Gives events the versions and positions that a log would: `log.record(event, ...)`."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self._heads: dict[str, int] = defaultdict(int)
        self._pairs: dict[str, PairState] = defaultdict(PairState)

    def record(self, *events: Event) -> list[Recorded]:
        """The events as recorded, behind everything recorded before."""
        return [self._recorded(event) for event in events]

    def relate(self, fact: type[RelationshipFact], actor: str, target: str) -> list[Recorded]:
        """Decide and record a follow, block ...; nothing where it would change nothing."""
        stream = relationships.stream_of(account(actor), account(target))
        event = relationships.decide(
            fact,
            self._pairs[stream],
            actor_id=account(actor),
            target_id=account(target),
            event_id=event_id(),
        )
        if event is None:
            return []
        self._pairs[stream] = event.after
        return self.record(event)

    def _recorded(self, event: Event) -> Recorded:
        version = int(event.event_id)
        if event.APPENDED:
            self._heads[event.stream] += 1
            version = self._heads[event.stream]
        recorded = Recorded(event, version, len(self.recorded) + 1)
        self.recorded.append(recorded)
        return recorded


def recorded(events: Iterable[Event]) -> list[Recorded]:
    """A whole log of these events."""
    return Log().record(*events)


def post_id_of(number: int) -> PostId:
    """An id that no event in a test has."""
    return PostId(compose(NOON_MS, 2, number))
