"""What analytics tables should say after a history, reckoned the plain way from its end."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountUnfollowed,
    Event,
    ImpressionsRecorded,
    LikeAdded,
    LikeRemoved,
    PostDeleted,
    PostEdited,
    PostPosted,
    Recorded,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetPosted,
)
from domain.hashtags import tag_key
from domain.ids import millis_of
from projections.engagement import Bucket, Tally, bucket_start

Subject = int | str
Register = tuple[int, int, str]


class Reckoned:
    """The series of every post, account and tag of a history, which is in order."""

    def __init__(self, history: Sequence[Recorded]) -> None:
        events = [one.event for one in history]
        self._closed = {event.actor_id for event in events if isinstance(event, AccountClosed)}
        self._authors: dict[int, int] = {}
        self._tags: dict[int, set[str]] = {}
        self._counts: dict[Subject, Counter[tuple[int, str]]] = defaultdict(Counter)
        self._find_posts(events)
        for event in events:
            self._count(event)
        for register, since in _settled(events).items():
            self._count_register(register, since)

    def series(self, subject: Subject, bucket: Bucket) -> list[Tally]:
        """What happened to a post, to an account's posts and it, or to a tag's posts."""
        rows: dict[int, Counter[str]] = defaultdict(Counter)
        for (at_ms, metric), number in self._counts[subject].items():
            rows[bucket_start(at_ms, bucket)][metric] += number
        return [Tally(at_ms, **rows[at_ms]) for at_ms in sorted(rows)]

    def _find_posts(self, events: Sequence[Event]) -> None:
        gone = {event.post_id for event in events if isinstance(event, PostDeleted)}
        for event in events:
            if not isinstance(event, PostPosted | PostEdited) or event.post_id in gone:
                continue
            if event.actor_id not in self._closed:
                self._authors[event.post_id] = event.actor_id
                hashtags = event.personal.hashtags if event.personal else ()
                self._tags[event.post_id] = {tag_key(hashtag.tag) for hashtag in hashtags}

    def _count(self, event: Event) -> None:
        if isinstance(event, ImpressionsRecorded):
            for post_id in event.post_ids:
                self._happened(event, post_id, "impressions")
        elif isinstance(event, ReplyPosted) and event.post_id in self._authors:
            self._happened(event, event.in_reply_to_id, "replies")
        elif isinstance(event, TweetPosted) and event.post_id in self._authors:
            self._happened(event, event.quote_of_id or 0, "quotes")

    def _count_register(self, register: Register, since: Event | None) -> None:
        actor_id, target_id, metric = register
        if since is None or actor_id in self._closed:
            return
        if metric != "follows":
            self._happened(since, target_id, metric)
        elif target_id not in self._closed:
            self._counts[target_id][_hour(since), metric] += 1

    def _happened(self, event: Event, post_id: int, metric: str) -> None:
        if post_id in self._authors:
            subjects: list[Subject] = [post_id, self._authors[post_id], *self._tags[post_id]]
            for subject in subjects:
                self._counts[subject][_hour(event), metric] += 1


def _settled(events: Iterable[Event]) -> dict[Register, Event | None]:
    """Likes, reposts and follows as they are in the end: since which event, None if not."""
    registers: dict[Register, Event | None] = {}
    for event in events:
        match event:
            case LikeAdded() | RepostAdded():
                registers[event.actor_id, event.post_id, _metric(event)] = event
            case LikeRemoved() | RepostRemoved():
                registers[event.actor_id, event.post_id, _metric(event)] = None
            case AccountFollowed():
                registers[event.actor_id, event.target_id, "follows"] = event
            case AccountUnfollowed():
                registers[event.actor_id, event.target_id, "follows"] = None
            case AccountBlocked():
                registers[event.actor_id, event.target_id, "follows"] = None
                registers[event.target_id, event.actor_id, "follows"] = None
            case _:
                pass
    return registers


def _metric(event: Event) -> str:
    return "likes" if isinstance(event, LikeAdded | LikeRemoved) else "reposts"


def _hour(event: Event) -> int:
    return bucket_start(millis_of(event.event_id), "hour")
