"""Erasing a person: recorded with the closing of the account, once."""

import pytest

from commands.erase_account import EraseAccount, erase_account
from commands.grant_role import OPERATOR
from domain.errors import AccountNotFound
from domain.events import (
    AccountClosed,
    AccountErased,
    AccountSuspended,
    HandleClaimed,
    HandleReleased,
)
from domain.ids import AccountId
from tests import facts
from tests.acting import World, account, next_id

ADA = account("ada")
ERASE = EraseAccount(account_id=ADA)


def erased(sequence: int) -> AccountErased:
    return AccountErased(event_id=next_id(sequence), actor_id=OPERATOR, account_id=ADA)


def closed() -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=ADA)


async def test_the_account_is_closed_in_the_same_step() -> None:
    world = World()

    reply = await world.when(erase_account, ERASE)

    assert reply.status == 204
    closing = AccountClosed(event_id=next_id(), actor_id=ADA)
    assert world.news == [closing, erased(1)]


async def test_the_handle_can_be_taken_again() -> None:
    claimed = HandleClaimed(event_id=facts.event_id(), actor_id=ADA, handle_key="key-of-ada")
    world = World().given(claimed)

    await world.when(erase_account, ERASE)

    assert [type(event) for event in world.news] == [AccountClosed, HandleReleased, AccountErased]


async def test_who_closed_their_account_can_be_erased() -> None:
    world = World().given(closed())

    await world.when(erase_account, ERASE)

    assert world.news == [erased(0)]


async def test_a_suspended_person_can_be_erased() -> None:
    suspended = AccountSuspended(
        event_id=facts.event_id(), actor_id=account("hal"), account_id=ADA, reason="spam"
    )
    world = World().given(suspended)

    await world.when(erase_account, ERASE)

    assert [type(event) for event in world.news] == [AccountClosed, AccountErased]


async def test_erasing_twice_records_nothing_new() -> None:
    world = World()
    await world.when(erase_account, ERASE)
    recorded = list(world.news)

    reply = await world.when(erase_account, ERASE)

    assert (reply.status, world.news) == (204, recorded)


async def test_nobody_cannot_be_erased() -> None:
    with pytest.raises(AccountNotFound):
        await World().when(erase_account, EraseAccount(account_id=AccountId(1)))
