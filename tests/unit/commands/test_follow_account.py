"""Following an account."""

import pytest

from commands.follow_account import (
    FollowAccount,
    UnfollowAccount,
    follow_account,
    unfollow_account,
)
from domain.errors import AccountNotFound, Blocked, Invalid, Suspended
from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountUnblocked,
    AccountUnfollowed,
    PairState,
    Standing,
)
from domain.ids import AccountId
from tests import facts
from tests.acting import World, account, next_id

ADA, BOB = account("ada"), account("bob")


def follow(target_id: AccountId = BOB) -> FollowAccount:
    return FollowAccount(actor_id=ADA, target_id=target_id)


def unfollow(target_id: AccountId = BOB) -> UnfollowAccount:
    return UnfollowAccount(actor_id=ADA, target_id=target_id)


async def test_a_follow_is_appended_to_the_stream_of_the_pair() -> None:
    world = World()

    reply = await world.when(follow_account, follow())

    assert world.news == [
        AccountFollowed(
            event_id=next_id(),
            actor_id=ADA,
            target_id=BOB,
            after=PairState(low=Standing(follows=True)),
        )
    ]
    assert (reply.status, reply.body) == (204, b"")


async def test_following_twice_records_nothing_new() -> None:
    world = World()
    await world.when(follow_account, follow())

    reply = await world.when(follow_account, follow())

    assert (reply.status, len(world.news)) == (204, 1)


async def test_unfollowing_ends_the_follow() -> None:
    world = World().given_relation(AccountFollowed, "ada", "bob")

    await world.when(unfollow_account, unfollow())

    assert world.news == [
        AccountUnfollowed(event_id=next_id(), actor_id=ADA, target_id=BOB, after=PairState())
    ]


async def test_unfollowing_whom_one_does_not_follow_records_nothing() -> None:
    world = World().given_relation(AccountFollowed, "bob", "ada")

    reply = await world.when(unfollow_account, unfollow())

    assert (reply.status, world.news) == (204, [])


async def test_nobody_follows_themselves() -> None:
    world = World()

    with pytest.raises(Invalid):
        await world.when(follow_account, follow(ADA))
    with pytest.raises(Invalid):
        await world.when(unfollow_account, unfollow(ADA))


async def test_an_account_that_never_was_is_not_found() -> None:
    nobody = AccountId(4711)

    with pytest.raises(AccountNotFound):
        await World().when(follow_account, follow(nobody))
    with pytest.raises(AccountNotFound):
        await World().when(unfollow_account, unfollow(nobody))


async def test_a_closed_account_can_be_unfollowed_only() -> None:
    world = World().given_relation(AccountFollowed, "ada", "bob")
    world.given(AccountClosed(event_id=facts.event_id(), actor_id=BOB))

    with pytest.raises(AccountNotFound):
        await world.when(follow_account, follow())
    reply = await world.when(unfollow_account, unfollow())

    assert reply.status == 204


async def test_a_suspended_account_cannot_be_followed() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(BOB)

    with pytest.raises(AccountNotFound):
        await world.when(follow_account, follow())


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "bob"), ("bob", "ada")])
async def test_a_block_either_way_forbids_to_follow(blocker: str, blocked: str) -> None:
    world = World().given_relation(AccountBlocked, blocker, blocked)

    with pytest.raises(Blocked):
        await world.when(follow_account, follow())


async def test_after_the_block_was_lifted_one_may_follow_again() -> None:
    world = World().given_relation(AccountBlocked, "bob", "ada")
    world.given_relation(AccountUnblocked, "bob", "ada")

    await world.when(follow_account, follow())

    assert len(world.news) == 1


async def test_a_follow_that_meets_a_block_is_decided_again() -> None:
    world = World()
    world.fakes.log.before_write = [lambda: world.given_relation(AccountBlocked, "bob", "ada")]

    with pytest.raises(Blocked):
        await world.when(follow_account, follow())

    assert world.news == []


async def test_a_suspended_account_can_do_neither() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(follow_account, follow())
    with pytest.raises(Suspended):
        await world.when(unfollow_account, unfollow())
