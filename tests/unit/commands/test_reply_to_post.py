"""Replying to tweets and to replies."""

import pytest

from commands.reply_to_post import ReplyToPost, reply_to_post
from domain.errors import Blocked, Invalid, PostNotFound, Suspended
from domain.events import AccountBlocked, PostHidden, ReplyPosted
from domain.ids import PostId
from tests import facts
from tests.acting import World, account, body_of, next_id

ADA = account("ada")


def reply_to(post_id: PostId, text: str = "yes") -> ReplyToPost:
    return ReplyToPost(author_id=ADA, in_reply_to_id=post_id, text=text)


async def test_a_reply_belongs_to_the_conversation_of_what_it_answers() -> None:
    root = facts.tweet("cleo")
    parent = facts.reply("bob", root)
    world = World().given(root, parent)

    reply = await world.when(reply_to_post, reply_to(parent.post_id))

    assert world.news == [
        ReplyPosted(
            event_id=next_id(),
            actor_id=ADA,
            in_reply_to_id=parent.post_id,
            in_reply_to_author_id=account("bob"),
            conversation_id=root.post_id,
            personal=facts.text_of("yes"),
        )
    ]
    assert reply.status == 201


async def test_the_answer_is_the_reply() -> None:
    root = facts.tweet("bob")

    reply = await World().given(root).when(reply_to_post, reply_to(root.post_id))

    post = body_of(reply)
    assert (post["kind"], post["in_reply_to_id"]) == ("reply", str(root.post_id))
    assert post["in_reply_to_author_id"] == str(account("bob"))
    assert post["conversation_id"] == str(root.post_id)


async def test_what_was_never_posted_cannot_be_answered() -> None:
    with pytest.raises(PostNotFound):
        await World().when(reply_to_post, reply_to(facts.post_id_of(1)))


async def test_a_deleted_post_cannot_be_answered() -> None:
    root = facts.tweet("bob")

    with pytest.raises(PostNotFound):
        await World().given(root, facts.deleted(root)).when(reply_to_post, reply_to(root.post_id))


async def test_a_post_that_is_hidden_cannot_be_answered() -> None:
    root = facts.tweet("bob")
    hidden = PostHidden(
        event_id=facts.event_id(),
        actor_id=account("hal"),
        post_id=root.post_id,
        post_author_id=root.actor_id,
    )

    with pytest.raises(PostNotFound):
        await World().given(root, hidden).when(reply_to_post, reply_to(root.post_id))


async def test_a_reply_to_a_deleted_post_can_still_be_answered() -> None:
    root = facts.tweet("bob")
    parent = facts.reply("cleo", root)
    world = World().given(root, parent, facts.deleted(root))

    reply = await world.when(reply_to_post, reply_to(parent.post_id))

    assert body_of(reply)["conversation_id"] == str(root.post_id)


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "bob"), ("bob", "ada")])
async def test_a_block_either_way_forbids_to_reply(blocker: str, blocked: str) -> None:
    root = facts.tweet("bob")
    world = World().given(root).given_relation(AccountBlocked, blocker, blocked)

    with pytest.raises(Blocked):
        await world.when(reply_to_post, reply_to(root.post_id))

    assert world.news == []


async def test_a_suspended_account_cannot_reply() -> None:
    root = facts.tweet("bob")
    world = World().given(root)
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(reply_to_post, reply_to(root.post_id))


async def test_an_empty_reply_is_refused() -> None:
    root = facts.tweet("bob")

    with pytest.raises(Invalid):
        await World().given(root).when(reply_to_post, reply_to(root.post_id, " \n "))
