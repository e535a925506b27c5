"""Deleting one's reply."""

import pytest

from commands.delete_reply import DeleteReply, delete_reply
from domain.errors import NotAllowed, PostNotFound, Suspended
from domain.events import PostHidden, ReplyDeleted
from domain.ids import PostId
from tests import facts
from tests.acting import World, account, next_id

ADA = account("ada")
POSTED = facts.reply("ada", facts.tweet("bob"))


def delete(post_id: PostId = POSTED.post_id) -> DeleteReply:
    return DeleteReply(author_id=ADA, post_id=post_id)


def hidden(author: str, post_id: PostId) -> PostHidden:
    return PostHidden(
        event_id=facts.event_id(),
        actor_id=account("hal"),
        post_id=post_id,
        post_author_id=account(author),
    )


async def test_a_deletion_is_published() -> None:
    world = World().given(POSTED)

    reply = await world.when(delete_reply, delete())

    assert world.news == [
        ReplyDeleted(
            event_id=next_id(),
            actor_id=ADA,
            post_id=POSTED.post_id,
            in_reply_to_id=POSTED.in_reply_to_id,
            conversation_id=POSTED.conversation_id,
        )
    ]
    assert (reply.status, reply.body) == (204, b"")


async def test_what_was_deleted_is_not_found() -> None:
    world = World().given(POSTED)
    await world.when(delete_reply, delete())

    with pytest.raises(PostNotFound):
        await world.when(delete_reply, delete())

    assert len(world.news) == 1


async def test_someone_elses_cannot_be_deleted() -> None:
    posted = facts.reply("bob", facts.tweet("cleo"))

    with pytest.raises(NotAllowed):
        await World().given(posted).when(delete_reply, delete(posted.post_id))


async def test_someone_elses_that_nobody_sees_is_not_found() -> None:
    posted = facts.reply("bob", facts.tweet("cleo"))
    world = World().given(posted, hidden("bob", posted.post_id))

    with pytest.raises(PostNotFound):
        await world.when(delete_reply, delete(posted.post_id))


async def test_ones_own_can_be_deleted_while_it_is_hidden() -> None:
    world = World().given(POSTED, hidden("ada", POSTED.post_id))

    reply = await world.when(delete_reply, delete())

    assert reply.status == 204


async def test_a_post_of_the_other_kind_is_not_found() -> None:
    posted = facts.tweet("ada")

    with pytest.raises(PostNotFound):
        await World().given(posted).when(delete_reply, delete(posted.post_id))


async def test_a_suspended_account_cannot_delete() -> None:
    world = World().given(POSTED)
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(delete_reply, delete())
