"""Muting an account."""

import pytest

from commands.mute_account import MuteAccount, UnmuteAccount, mute_account, unmute_account
from domain.errors import AccountNotFound, Invalid, Suspended
from domain.events import (
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnmuted,
    PairState,
    Standing,
)
from domain.ids import AccountId
from tests import facts
from tests.acting import World, account, next_id

ADA, BOB = account("ada"), account("bob")


def mute(target_id: AccountId = BOB) -> MuteAccount:
    return MuteAccount(actor_id=ADA, target_id=target_id)


def unmute(target_id: AccountId = BOB) -> UnmuteAccount:
    return UnmuteAccount(actor_id=ADA, target_id=target_id)


async def test_a_mute_keeps_the_follow() -> None:
    world = World().given_relation(AccountFollowed, "ada", "bob")

    reply = await world.when(mute_account, mute())

    assert world.news == [
        AccountMuted(
            event_id=next_id(),
            actor_id=ADA,
            target_id=BOB,
            after=PairState(low=Standing(follows=True, mutes=True)),
        )
    ]
    assert reply.status == 204


async def test_a_second_time_records_nothing() -> None:
    world = World()

    for _ in range(2):
        await world.when(mute_account, mute())
    for _ in range(2):
        await world.when(unmute_account, unmute())

    assert [type(event) for event in world.news] == [AccountMuted, AccountUnmuted]


async def test_a_closed_account_can_be_unmuted_only() -> None:
    world = World().given_relation(AccountMuted, "ada", "bob")
    world.given(AccountClosed(event_id=facts.event_id(), actor_id=BOB))

    reply = await world.when(unmute_account, unmute())
    with pytest.raises(AccountNotFound):
        await world.when(mute_account, mute())

    assert reply.status == 204


async def test_nobody_mutes_themselves() -> None:
    with pytest.raises(Invalid):
        await World().when(mute_account, mute(ADA))


async def test_an_account_that_never_was_is_not_found() -> None:
    with pytest.raises(AccountNotFound):
        await World().when(mute_account, mute(AccountId(4711)))
    with pytest.raises(AccountNotFound):
        await World().when(unmute_account, unmute(AccountId(4711)))


async def test_a_suspended_account_can_do_neither() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(mute_account, mute())
    with pytest.raises(Suspended):
        await world.when(unmute_account, unmute())
