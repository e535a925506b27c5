"""Suspending an account, and reinstating it."""

import pytest

from commands.suspend_account import (
    ReinstateAccount,
    SuspendAccount,
    reinstate_account,
    suspend_account,
)
from domain.errors import AccountNotFound, Invalid, Suspended
from domain.events import AccountClosed, AccountReinstated, AccountSuspended
from domain.ids import AccountId
from tests import facts
from tests.acting import World, account, next_id

HAL, BOB = account("hal"), account("bob")


def suspend(account_id: AccountId = BOB, reason: str = "") -> SuspendAccount:
    return SuspendAccount(admin_id=HAL, account_id=account_id, reason=reason)


def reinstate(account_id: AccountId = BOB) -> ReinstateAccount:
    return ReinstateAccount(admin_id=HAL, account_id=account_id)


async def test_a_suspension_is_appended_and_counts_at_once() -> None:
    world = World()

    reply = await world.when(suspend_account, suspend(reason="spam"))

    assert world.news == [
        AccountSuspended(event_id=next_id(), actor_id=HAL, account_id=BOB, reason="spam")
    ]
    assert world.fakes.refusals.suspended(BOB)
    assert reply.status == 204


async def test_a_suspension_can_be_lifted() -> None:
    world = World()
    await world.when(suspend_account, suspend())

    await world.when(reinstate_account, reinstate())

    assert world.news[1:] == [AccountReinstated(event_id=next_id(1), actor_id=HAL, account_id=BOB)]
    assert not world.fakes.refusals.suspended(BOB)


async def test_a_second_time_records_nothing() -> None:
    world = World()

    for _ in range(2):
        await world.when(suspend_account, suspend())
    for _ in range(2):
        await world.when(reinstate_account, reinstate())

    assert [type(event) for event in world.news] == [AccountSuspended, AccountReinstated]


async def test_of_two_suspensions_at_the_same_time_one_is_recorded() -> None:
    world = World()
    other = AccountSuspended(event_id=facts.event_id(), actor_id=account("gus"), account_id=BOB)
    world.fakes.log.before_write = [lambda: world.given(other)]

    reply = await world.when(suspend_account, suspend())

    assert (reply.status, world.news) == (204, [])


async def test_an_account_that_is_not_there_is_not_found() -> None:
    world = World().given(AccountClosed(event_id=facts.event_id(), actor_id=BOB))

    for account_id in (BOB, AccountId(4711)):
        with pytest.raises(AccountNotFound):
            await world.when(suspend_account, suspend(account_id))
    with pytest.raises(AccountNotFound):
        await world.when(reinstate_account, reinstate(AccountId(4711)))


async def test_a_reason_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(Invalid):
        await World().when(suspend_account, suspend(reason="x" * 201))


async def test_a_suspended_administrator_can_do_neither() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(HAL)

    with pytest.raises(Suspended):
        await world.when(suspend_account, suspend())
    with pytest.raises(Suspended):
        await world.when(reinstate_account, reinstate())
