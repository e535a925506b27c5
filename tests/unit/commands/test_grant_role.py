"""Granting a role at the command line."""

import pytest

from commands.grant_role import OPERATOR, GrantRole, grant_role
from domain.errors import AccountNotFound, Invalid
from domain.events import RoleGranted
from domain.ids import AccountId
from tests.acting import World, account, next_id


def granted() -> RoleGranted:
    return RoleGranted(
        event_id=next_id(), actor_id=OPERATOR, account_id=account("ada"), role="admin"
    )


async def test_the_role_is_recorded_by_the_operator() -> None:
    world = World()

    reply = await world.when(grant_role, GrantRole(account_id=account("ada"), role="admin"))

    assert reply.status == 204
    assert world.news == [granted()]


async def test_granting_it_again_records_nothing_new() -> None:
    world = World().given(granted())

    reply = await world.when(grant_role, GrantRole(account_id=account("ada"), role="admin"))

    assert (reply.status, world.news) == (204, [])


async def test_a_role_that_there_is_not_is_refused() -> None:
    with pytest.raises(Invalid, match="roles are"):
        await World().when(grant_role, GrantRole(account_id=account("ada"), role="king"))


async def test_nobody_cannot_be_given_a_role() -> None:
    with pytest.raises(AccountNotFound):
        await World().when(grant_role, GrantRole(account_id=AccountId(1), role="admin"))
