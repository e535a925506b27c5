"""home(u) straight from its definition: looks at all events and optimises nothing."""

from collections.abc import Iterable

from domain.events import (
    AccountClosed,
    PostDeleted,
    Recorded,
    RelationshipFact,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    Standing,
    TweetPosted,
)
from domain.ids import AccountId, ItemId, PostId
from projections.items import Item


class Homes:
    """The homes of everybody after a set of events."""

    def __init__(self, events: Iterable[Recorded]) -> None:
        self._posts: set[tuple[AccountId, PostId]] = set()
        self._deleted: set[PostId] = set()
        self._closed: set[AccountId] = set()
        self._reposts: dict[tuple[AccountId, PostId], tuple[int, RepostAdded | RepostRemoved]] = {}
        self._pairs: dict[str, tuple[int, RelationshipFact]] = {}
        for recorded in events:
            self._note(recorded)

    def home(self, reader: AccountId) -> list[Item]:
        """Newest first, whole."""
        if reader in self._closed:
            return []
        return sorted((item for item in self._items() if self._shows(reader, item)), reverse=True)

    def _note(self, recorded: Recorded) -> None:
        event, version = recorded.event, recorded.version
        match event:
            case TweetPosted():
                self._posts.add((event.actor_id, event.post_id))
            case ReplyPosted() if event.in_reply_to_author_id == event.actor_id:
                self._posts.add((event.actor_id, event.post_id))
            case PostDeleted():
                self._deleted.add(event.post_id)
            case AccountClosed():
                self._closed.add(event.actor_id)
            case RepostAdded() | RepostRemoved():
                register = (event.actor_id, event.post_id)
                if register not in self._reposts or self._reposts[register][0] < version:
                    self._reposts[register] = (version, event)
            case RelationshipFact():
                if event.stream not in self._pairs or self._pairs[event.stream][0] < version:
                    self._pairs[event.stream] = (version, event)
            case _:
                pass

    def _items(self) -> Iterable[Item]:
        for author, post in self._posts:
            yield Item(ItemId(post), post, author, None)
        for _, event in self._reposts.values():
            if isinstance(event, RepostAdded):
                item = ItemId(event.event_id)
                yield Item(item, event.post_id, event.post_author_id, event.actor_id)

    def _shows(self, reader: AccountId, item: Item) -> bool:
        actor = item.reposted_by_id or item.author_id
        return (
            item.post_id not in self._deleted
            and not {actor, item.author_id} & self._closed
            and (actor == reader or self._standing(reader, actor).follows)
            and not self._hides(reader, actor)
            and not self._hides(reader, item.author_id)
        )

    def _hides(self, reader: AccountId, other: AccountId) -> bool:
        mine, theirs = self._standing(reader, other), self._standing(other, reader)
        return mine.blocks or mine.mutes or theirs.blocks

    def _standing(self, one: AccountId, other: AccountId) -> Standing:
        for _, event in self._pairs.values():
            if {one, other} == {event.actor_id, event.target_id}:
                return event.standing_of(one)
        return Standing()
