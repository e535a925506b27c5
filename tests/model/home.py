"""home(u) straight from its definition: looks at all events and optimises nothing."""

from collections.abc import Iterable, Iterator

from domain.events import (
    AccountClosed,
    Recorded,
    RelationshipFact,
    ReplyDeleted,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    Standing,
    TweetDeleted,
    TweetPosted,
)
from domain.ids import AccountId, ItemId
from projections.items import Item


class Homes:
    """The homes of everybody after a set of events."""

    def __init__(self, recorded: Iterable[Recorded]) -> None:
        # By version: of events about the same thing the last one stays in a dictionary.
        events = [r.event for r in sorted(recorded, key=lambda r: r.version)]
        self._closed = {e.actor_id for e in events if isinstance(e, AccountClosed)}
        self._deleted = {e.post_id for e in events if isinstance(e, TweetDeleted | ReplyDeleted)}
        self._posts = {
            e
            for e in events
            if isinstance(e, TweetPosted)
            or (isinstance(e, ReplyPosted) and e.in_reply_to_author_id == e.actor_id)
        }
        self._reposts = {
            (e.actor_id, e.post_id): e for e in events if isinstance(e, RepostAdded | RepostRemoved)
        }
        self._pairs = {
            frozenset((e.actor_id, e.target_id)): e
            for e in events
            if isinstance(e, RelationshipFact)
        }

    def home(self, reader: AccountId) -> list[Item]:
        """Newest first, whole."""
        if reader in self._closed:
            return []
        return sorted((item for item in self._items() if self._shows(reader, item)), reverse=True)

    def _items(self) -> Iterator[Item]:
        for post in self._posts:
            yield Item(ItemId(post.event_id), post.post_id, post.actor_id, None)
        for repost in self._reposts.values():
            if isinstance(repost, RepostAdded):
                item_id = ItemId(repost.event_id)
                yield Item(item_id, repost.post_id, repost.post_author_id, repost.actor_id)

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
        latest = self._pairs.get(frozenset((one, other)))
        return latest.standing_of(one) if latest else Standing()
