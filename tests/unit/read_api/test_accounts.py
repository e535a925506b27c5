"""Accounts, one or several, and how the reader stands to them."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from domain.events import AccountBlocked, AccountFollowed, AccountMuted
from tests import facts
from tests.read_world import ReadWorld, names_of


async def test_an_account_is_shown_with_its_counts(world: ReadWorld) -> None:
    tweet = facts.tweet("ada")
    await world.given(tweet, facts.reply("ada", tweet))
    await world.given_relation(AccountFollowed, "bob", "ada")
    await world.given_relation(AccountFollowed, "cleo", "ada")
    await world.given_relation(AccountFollowed, "ada", "dan")

    shown = await world.read(f"/v1/accounts/{facts.account('ada')}")

    assert (shown["handle"], shown["display_name"]) == ("ada", "Ada")
    assert shown["counts"] == {"tweets": 1, "followers": 2, "following": 1}
    assert "viewer" not in shown


async def test_a_handle_is_found_in_any_case(world: ReadWorld) -> None:
    assert (await world.read("/v1/accounts/by-handle/ADA"))["id"] == str(facts.account("ada"))
    assert (await world.ask("/v1/accounts/by-handle/nobody")).status == 404
    assert (await world.ask("/v1/accounts/by-handle/%E2%98%83")).status == 404


async def test_me_is_the_reader(world: ReadWorld) -> None:
    assert (await world.read("/v1/accounts/me", who="cleo"))["handle"] == "cleo"
    assert (await world.ask("/v1/accounts/me")).status == 401


async def test_me_is_waited_for_and_never_missing(tmp_path: Path) -> None:
    """The token says that the account is there, so a view that lacks it is behind."""
    with closing(ReadWorld(tmp_path)) as empty:
        behind = await empty.ask("/v1/accounts/me", who="ada", prefer="wait=0")
        asked = asyncio.create_task(empty.ask("/v1/accounts/me", who="ada", prefer="wait=10"))
        await asyncio.sleep(0)
        await empty.given_people()

        assert behind.status == 503
        assert (await asked).status == 200


async def test_accounts_in_bulk_come_in_the_order_asked_for(world: ReadWorld) -> None:
    ids = [str(facts.account(name)) for name in ("cleo", "ada", "cleo", "bob")]

    page = await world.read(f"/v1/accounts?ids={ids[0]},{ids[1]}&ids={ids[2]},12&ids={ids[3]}")

    assert names_of(page) == ["cleo", "ada", "bob"]


async def test_a_viewer_says_how_the_two_stand(world: ReadWorld) -> None:
    await world.given_relation(AccountFollowed, "bob", "ada")
    await world.given_relation(AccountFollowed, "ada", "bob")
    await world.given_relation(AccountMuted, "bob", "cleo")
    await world.given_relation(AccountBlocked, "dan", "bob")
    ids = ",".join(str(facts.account(name)) for name in ("ada", "cleo", "dan", "eve"))

    page = await world.read(f"/v1/relationships?id={ids}", who="bob")

    true = [{name for name, value in item.items() if value is True} for item in page["items"]]
    assert true == [{"following", "followed_by"}, {"muting"}, {"blocked_by"}, set()]
    accounts = await world.read(f"/v1/accounts?ids={ids}", who="bob")
    assert [{"id": a["id"], **a["viewer"]} for a in accounts["items"]] == page["items"]


@pytest.mark.parametrize("query", ["", "id=x", "id=-1", "id=", "id=1,,2"])
async def test_malformed_ids_are_refused(world: ReadWorld, query: str) -> None:
    assert (await world.ask(f"/v1/relationships?{query}", who="bob")).status == 422
