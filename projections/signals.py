"""What those who listen want to know at once: a pure function from events to signals.

This is no projection: it has no store and no generations, and is only ever given what happens now.
Replaying the log never comes here. Imported events happened long ago: they signal nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from domain.events import (
    AccountMuted,
    AccountUnmuted,
    PostHidden,
    Recorded,
    RelationshipFact,
    ReplyDeleted,
    ReplyEdited,
    ReplyPosted,
    RepostAdded,
    RepostRemoved,
    TweetDeleted,
    TweetEdited,
    TweetPosted,
)
from domain.ids import AccountId, EventId, ItemId, PostId, is_imported
from projections import notifications
from projections.items import Item


class Posted(NamedTuple):
    """`actor_id` has a new item, for their own home and those of their followers."""

    event_id: EventId
    actor_id: AccountId
    item: Item


class Told(NamedTuple):
    """These accounts may have a new notification, with the event's id."""

    event_id: EventId
    recipient_ids: frozenset[AccountId]


class Edited(NamedTuple):
    """A post says something else."""

    event_id: EventId
    post_id: PostId
    author_id: AccountId


class Gone(NamedTuple):
    """A post is not to be shown any more."""

    event_id: EventId
    post_id: PostId
    author_id: AccountId


class Withdrawn(NamedTuple):
    """`reposter_id` took a repost back: the item `item_id` leaves their home and those of their
    followers. The post stays."""

    event_id: EventId
    reposter_id: AccountId
    item_id: ItemId
    post_id: PostId


class Related(NamedTuple):
    """From now on the reader follows the other account, or does not."""

    event_id: EventId
    reader_id: AccountId
    other_id: AccountId
    follows: bool


Signal = Posted | Told | Edited | Gone | Withdrawn | Related


def signals(recorded: Recorded) -> Iterator[Signal]:
    """What an event means to those who listen."""
    event = recorded.event
    if is_imported(event.event_id):
        return
    match event:
        case TweetPosted() | ReplyPosted() | RepostAdded():
            yield from _items(event)
        case TweetEdited() | ReplyEdited():
            yield Edited(event.event_id, event.post_id, event.actor_id)
        case TweetDeleted() | ReplyDeleted():
            yield Gone(event.event_id, event.post_id, event.actor_id)
        case PostHidden():
            yield Gone(event.event_id, event.post_id, event.post_author_id)
        case RepostRemoved(repost_id=item_id) if item_id is not None:
            yield Withdrawn(event.event_id, event.actor_id, item_id, event.post_id)
        case RelationshipFact():
            yield from _relations(event)
        case _:
            pass
    yield from _told(recorded)


def _items(event: TweetPosted | ReplyPosted | RepostAdded) -> Iterator[Posted]:
    item_id, actor_id = ItemId(event.event_id), event.actor_id
    if isinstance(event, RepostAdded):
        item = Item(item_id, event.post_id, event.post_author_id, actor_id)
    elif isinstance(event, ReplyPosted) and event.in_reply_to_author_id != actor_id:
        return
    else:
        item = Item(item_id, event.post_id, actor_id, None)
    yield Posted(event.event_id, actor_id, item)


def _relations(event: RelationshipFact) -> Iterator[Related]:
    """A mute changes no follow."""
    if isinstance(event, AccountMuted | AccountUnmuted):
        return
    for reader, other in ((event.actor_id, event.target_id), (event.target_id, event.actor_id)):
        yield Related(event.event_id, reader, other, event.standing_of(reader).follows)


def _told(recorded: Recorded) -> Iterator[Told]:
    """Whom the notifications' own projector would tell; who listens looks what came of it."""
    if type(recorded.event) not in notifications.NOTIFICATIONS.events:
        return
    recipients = frozenset(
        operation.recipient_id
        for operation in notifications.project([recorded])
        if isinstance(operation, notifications.NotifyOfPost)
        or (
            isinstance(operation, notifications.SetReaction | notifications.SetFollow)
            and operation.on
        )
    )
    if recipients:
        yield Told(recorded.event.event_id, recipients)
