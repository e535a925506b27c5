"""Reposting a post."""

import pytest

from commands.repost_post import RemoveRepost, RepostPost, remove_repost, repost_post
from domain.errors import Blocked, PostNotFound, Suspended
from domain.events import AccountBlocked, RepostAdded, RepostRemoved
from domain.ids import ItemId, PostId
from tests import facts
from tests.acting import World, account, next_id

ADA = account("ada")
POSTED = facts.tweet("bob")


def on(post_id: PostId = POSTED.post_id) -> RepostPost:
    return RepostPost(actor_id=ADA, post_id=post_id)


def off(post_id: PostId = POSTED.post_id) -> RemoveRepost:
    return RemoveRepost(actor_id=ADA, post_id=post_id)


async def test_it_is_published() -> None:
    world = World().given(POSTED)

    reply = await world.when(repost_post, on())

    assert world.news == [
        RepostAdded(
            event_id=next_id(),
            actor_id=ADA,
            post_id=POSTED.post_id,
            post_author_id=account("bob"),
        )
    ]
    assert (reply.status, reply.body) == (204, b"")


async def test_taking_it_back_is_published() -> None:
    world = World().given(POSTED)
    await world.when(repost_post, on())

    await world.when(remove_repost, off())

    assert world.news[1:] == [
        RepostRemoved(
            event_id=next_id(1),
            actor_id=ADA,
            post_id=POSTED.post_id,
            post_author_id=account("bob"),
            repost_id=ItemId(next_id()),
        )
    ]


async def test_a_second_time_records_nothing_and_has_a_token_all_the_same() -> None:
    world = World().given(POSTED)
    await world.when(repost_post, on())

    reply = await world.when(repost_post, on())

    assert len(world.news) == 1
    assert (reply.status, reply.vector) == (204, {})


async def test_taking_back_what_never_was_records_nothing() -> None:
    world = World().given(POSTED)

    reply = await world.when(remove_repost, off())

    assert (reply.status, world.news) == (204, [])


async def test_it_can_be_done_again_after_it_was_taken_back() -> None:
    world = World().given(POSTED)

    for step in (on(), on()):
        await world.when(repost_post, step)
        await world.when(remove_repost, off())

    assert [type(event) for event in world.news] == [RepostAdded, RepostRemoved] * 2


async def test_ones_own_post_will_do() -> None:
    posted = facts.reply("ada", facts.tweet("bob"))
    world = World().given(posted)

    await world.when(repost_post, on(posted.post_id))

    assert len(world.news) == 1


async def test_a_post_that_is_gone_is_not_found() -> None:
    world = World().given(POSTED, facts.deleted(POSTED))

    for post_id in (POSTED.post_id, facts.post_id_of(1)):
        with pytest.raises(PostNotFound):
            await world.when(repost_post, on(post_id))
        with pytest.raises(PostNotFound):
            await world.when(remove_repost, off(post_id))


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "bob"), ("bob", "ada")])
async def test_a_block_either_way_forbids_it(blocker: str, blocked: str) -> None:
    world = World().given(POSTED).given_relation(AccountBlocked, blocker, blocked)

    with pytest.raises(Blocked):
        await world.when(repost_post, on())


async def test_it_can_be_taken_back_across_a_block() -> None:
    world = World().given(POSTED)
    await world.when(repost_post, on())
    world.given_relation(AccountBlocked, "bob", "ada")

    await world.when(remove_repost, off())

    assert [type(event) for event in world.news] == [RepostRemoved]


async def test_a_suspended_account_can_do_neither() -> None:
    world = World().given(POSTED)
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(repost_post, on())
    with pytest.raises(Suspended):
        await world.when(remove_repost, off())
