"""Marking notifications as read."""

import pytest

from commands.mark_notifications_read import MarkNotificationsRead, mark_notifications_read
from domain.errors import Suspended
from domain.events import NotificationsRead
from domain.ids import ID_MAX, ItemId
from tests.acting import World, account, next_id

ADA = account("ada")


def read(up_to_id: int) -> MarkNotificationsRead:
    return MarkNotificationsRead(account_id=ADA, up_to_id=ItemId(up_to_id))


async def test_how_far_was_read_is_published() -> None:
    world = World()

    reply = await world.when(mark_notifications_read, read(7))

    assert world.news == [NotificationsRead(event_id=next_id(), actor_id=ADA, up_to_id=ItemId(7))]
    assert reply.status == 204


async def test_reading_does_not_go_back() -> None:
    world = World()

    for up_to_id in (7, 7, 5, 9):
        await world.when(mark_notifications_read, read(up_to_id))

    assert [event.up_to_id for event in world.news if isinstance(event, NotificationsRead)] == [
        7,
        9,
    ]


async def test_nobody_has_read_the_future() -> None:
    world = World()

    await world.when(mark_notifications_read, read(ID_MAX))

    assert world.news == [
        NotificationsRead(event_id=next_id(), actor_id=ADA, up_to_id=ItemId(next_id()))
    ]


async def test_a_suspended_account_cannot() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(mark_notifications_read, read(7))
