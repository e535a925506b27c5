"""Blocking an account."""

import pytest

from commands.block_account import BlockAccount, UnblockAccount, block_account, unblock_account
from domain.errors import AccountNotFound, Invalid, Suspended
from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    PairState,
    Standing,
)
from domain.ids import AccountId
from tests import facts
from tests.acting import World, account, next_id

ADA, BOB = account("ada"), account("bob")


def block(target_id: AccountId = BOB) -> BlockAccount:
    return BlockAccount(actor_id=ADA, target_id=target_id)


def unblock(target_id: AccountId = BOB) -> UnblockAccount:
    return UnblockAccount(actor_id=ADA, target_id=target_id)


async def test_a_block_ends_the_follows_of_both_and_keeps_the_mute() -> None:
    world = World().given_relation(AccountFollowed, "ada", "bob")
    world.given_relation(AccountFollowed, "bob", "ada")
    world.given_relation(AccountMuted, "bob", "ada")

    reply = await world.when(block_account, block())

    assert world.news == [
        AccountBlocked(
            event_id=next_id(),
            actor_id=ADA,
            target_id=BOB,
            after=PairState(low=Standing(blocks=True), high=Standing(mutes=True)),
        )
    ]
    assert reply.status == 204


async def test_unblocking_restores_no_follow() -> None:
    world = World().given_relation(AccountFollowed, "ada", "bob")
    world.given_relation(AccountBlocked, "ada", "bob")

    await world.when(unblock_account, unblock())

    assert world.news == [
        AccountUnblocked(event_id=next_id(), actor_id=ADA, target_id=BOB, after=PairState())
    ]


async def test_both_may_block_each_other() -> None:
    world = World().given_relation(AccountBlocked, "bob", "ada")

    await world.when(block_account, block())
    await world.when(unblock_account, unblock())

    last = world.news[-1]
    assert isinstance(last, AccountUnblocked)
    assert last.after == PairState(high=Standing(blocks=True))


async def test_a_second_time_records_nothing() -> None:
    world = World()

    for _ in range(2):
        await world.when(block_account, block())
    for _ in range(2):
        await world.when(unblock_account, unblock())

    assert [type(event) for event in world.news] == [AccountBlocked, AccountUnblocked]


async def test_a_block_that_meets_a_follow_ends_it() -> None:
    world = World()
    world.fakes.log.before_write = [lambda: world.given_relation(AccountFollowed, "bob", "ada")]

    await world.when(block_account, block())

    [blocked] = world.news
    assert isinstance(blocked, AccountBlocked)
    assert blocked.after == PairState(low=Standing(blocks=True))


async def test_a_suspended_account_can_be_blocked() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(BOB)

    assert (await world.when(block_account, block())).status == 204


async def test_a_closed_account_can_be_unblocked_only() -> None:
    world = World().given_relation(AccountBlocked, "ada", "bob")
    world.given(AccountClosed(event_id=facts.event_id(), actor_id=BOB))

    reply = await world.when(unblock_account, unblock())
    with pytest.raises(AccountNotFound):
        await world.when(block_account, block())

    assert reply.status == 204


async def test_nobody_blocks_themselves() -> None:
    with pytest.raises(Invalid):
        await World().when(block_account, block(ADA))


async def test_an_account_that_never_was_is_not_found() -> None:
    with pytest.raises(AccountNotFound):
        await World().when(block_account, block(AccountId(4711)))
    with pytest.raises(AccountNotFound):
        await World().when(unblock_account, unblock(AccountId(4711)))


async def test_a_suspended_account_can_do_neither() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(block_account, block())
    with pytest.raises(Suspended):
        await world.when(unblock_account, unblock())
