"""Opening accounts: the handle decides, both streams get their event in one append."""

import msgspec
import pytest

from commands.handling import Decision
from commands.open_account import OpenAccount, open_account
from commands.ports import VersionConflict
from domain import accounts
from domain.errors import HandleTaken, Invalid
from domain.events import AccountOpened, HandleClaimed, HandleReleased, Profile
from domain.ids import AccountId, EventId
from domain.objects import Account
from tests.fakes import Fakes

ADA = AccountId(7)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


async def record(decision: Decision, fakes: Fakes) -> None:
    await fakes.log.append(decision.append)


async def test_a_sign_up_claims_the_handle_and_opens_the_account(fakes: Fakes) -> None:
    decision = await open_account(
        OpenAccount(handle="Ada", password="correct horse", account_id=ADA), fakes.ports
    )
    await record(decision, fakes)

    claimed, opened = fakes.log.events
    assert isinstance(claimed, HandleClaimed)
    assert isinstance(opened, AccountOpened)
    assert (claimed.actor_id, claimed.handle_key) == (ADA, "ada")
    assert (int(opened.event_id), opened.actor_id) == (7, ADA)
    assert opened.handle_key == "ada"
    assert opened.personal == Profile("Ada", "Ada")
    assert fakes.identity.passwords == {ADA: "correct horse"}


async def test_the_answer_is_the_account(fakes: Fakes) -> None:
    decision = await open_account(
        OpenAccount(handle="ada", display_name="Ada L.", account_id=ADA), fakes.ports
    )

    account = msgspec.json.decode(decision.answer.body, type=Account)
    assert decision.answer.status == 201
    assert dict(decision.answer.headers) == {"Location": "/v1/accounts/7"}
    assert (account.id, account.handle, account.display_name, account.bio) == (
        "7",
        "ada",
        "Ada L.",
        "",
    )


@pytest.mark.parametrize("handle", ["ada", "ADA", "aDa"])
async def test_a_handle_is_taken_in_any_case(fakes: Fakes, handle: str) -> None:
    await record(await open_account(OpenAccount(handle="Ada"), fakes.ports), fakes)

    with pytest.raises(HandleTaken):
        await open_account(OpenAccount(handle=handle, password="battery staple"), fakes.ports)

    assert fakes.identity.passwords == {}


async def test_of_two_sign_ups_for_one_handle_one_wins(fakes: Fakes) -> None:
    one = await open_account(OpenAccount(handle="ada"), fakes.ports)
    other = await open_account(OpenAccount(handle="ADA"), fakes.ports)

    await record(one, fakes)
    with pytest.raises(VersionConflict):
        await record(other, fakes)

    assert len(fakes.log.events) == 2


async def test_a_released_handle_can_be_claimed_again(fakes: Fakes) -> None:
    await record(await open_account(OpenAccount(handle="ada"), fakes.ports), fakes)
    released = HandleReleased(event_id=EventId(9), actor_id=ADA, handle_key="ada")
    fakes.log.given(released)

    await record(await open_account(OpenAccount(handle="ada"), fakes.ports), fakes)

    history = await fakes.log.history(accounts.handle_stream_of("ada"))
    assert [recorded.version for recorded in history] == [1, 2, 3]


async def test_an_import_brings_its_origin_and_no_password(fakes: Fakes) -> None:
    command = OpenAccount(handle="ada", bio="Notes", account_id=ADA, source="sample:42")

    await record(await open_account(command, fakes.ports), fakes)

    opened = fakes.log.events[-1]
    assert isinstance(opened, AccountOpened)
    assert (opened.source, opened.personal) == ("sample:42", Profile("ada", "ada", "Notes"))
    assert fakes.identity.passwords == {}


@pytest.mark.parametrize(
    "command",
    [
        OpenAccount(handle="no spaces", password="correct horse"),
        OpenAccount(handle="ada", password="short"),
        OpenAccount(handle="ada", password="correct horse", display_name="x" * 51),
    ],
)
async def test_what_breaks_a_rule_leaves_nothing(fakes: Fakes, command: OpenAccount) -> None:
    with pytest.raises(Invalid):
        await open_account(command, fakes.ports)

    assert fakes.identity.passwords == {}
