"""Hiding a post, and restoring it."""

import pytest

from commands.hide_post import HidePost, RestorePost, hide_post, restore_post
from domain.errors import Invalid, PostNotFound, Suspended
from domain.events import PostHidden, PostRestored
from domain.ids import PostId
from tests import facts
from tests.acting import World, account, next_id

HAL, BOB = account("hal"), account("bob")
POSTED = facts.tweet("bob")


def hide(post_id: PostId = POSTED.post_id, reason: str = "") -> HidePost:
    return HidePost(admin_id=HAL, post_id=post_id, reason=reason)


def restore(post_id: PostId = POSTED.post_id) -> RestorePost:
    return RestorePost(admin_id=HAL, post_id=post_id)


async def test_a_hidden_post_is_refused_at_once() -> None:
    world = World().given(POSTED)

    reply = await world.when(hide_post, hide(reason="spam"))

    assert world.news == [
        PostHidden(
            event_id=next_id(),
            actor_id=HAL,
            post_id=POSTED.post_id,
            post_author_id=BOB,
            reason="spam",
        )
    ]
    assert world.fakes.refusals.hidden(POSTED.post_id)
    assert reply.status == 204


async def test_a_hidden_post_can_be_restored() -> None:
    world = World().given(POSTED)
    await world.when(hide_post, hide())

    await world.when(restore_post, restore())

    assert world.news[1:] == [
        PostRestored(event_id=next_id(1), actor_id=HAL, post_id=POSTED.post_id, post_author_id=BOB)
    ]
    assert not world.fakes.refusals.hidden(POSTED.post_id)


async def test_a_second_time_records_nothing() -> None:
    world = World().given(POSTED)

    for _ in range(2):
        await world.when(hide_post, hide())
    for _ in range(2):
        await world.when(restore_post, restore())

    assert [type(event) for event in world.news] == [PostHidden, PostRestored]


async def test_the_post_of_a_suspended_account_can_be_hidden() -> None:
    world = World().given(POSTED)
    world.fakes.refusals.suspended_ids.add(BOB)

    assert (await world.when(hide_post, hide())).status == 204


async def test_a_post_that_is_gone_is_not_found() -> None:
    world = World().given(POSTED, facts.deleted(POSTED))

    with pytest.raises(PostNotFound):
        await world.when(hide_post, hide())
    with pytest.raises(PostNotFound):
        await world.when(restore_post, restore())


async def test_a_reason_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(Invalid):
        await World().given(POSTED).when(hide_post, hide(reason="\0"))


async def test_a_suspended_administrator_can_do_neither() -> None:
    world = World().given(POSTED)
    world.fakes.refusals.suspended_ids.add(HAL)

    with pytest.raises(Suspended):
        await world.when(hide_post, hide())
    with pytest.raises(Suspended):
        await world.when(restore_post, restore())
