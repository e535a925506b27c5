"""Followers, following, mutuals, known followers, suggestions, blocks, mutes."""

import pytest

from domain.events import AccountBlocked, AccountClosed, AccountFollowed, AccountMuted
from tests import facts
from tests.read_world import ReadWorld, names_of


async def given_follows(world: ReadWorld, *pairs: tuple[str, str]) -> None:
    for follower, followee in pairs:
        await world.given_relation(AccountFollowed, follower, followee)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_followers_come_newest_first_through_the_links(world: ReadWorld, limit: int) -> None:
    await given_follows(world, *((name, "ada") for name in ("bob", "cleo", "dan", "eve", "fay")))

    pages = await world.walk(f"/v1/accounts/{facts.account('ada')}/followers?limit={limit}")

    assert [name for page in pages for name in names_of(page)] == [
        "fay",
        "eve",
        "dan",
        "cleo",
        "bob",
    ]
    assert all(len(page["items"]) <= limit for page in pages)


async def test_following_lists_whom_an_account_follows(world: ReadWorld) -> None:
    await given_follows(world, ("ada", "bob"), ("ada", "cleo"), ("bob", "ada"))

    page = await world.read(f"/v1/accounts/{facts.account('ada')}/following", who="cleo")

    assert names_of(page) == ["cleo", "bob"]
    assert page["items"][0]["viewer"]["following"] is False


async def test_mutuals_and_known_followers_are_seen_by_the_reader(world: ReadWorld) -> None:
    await given_follows(
        world,
        ("ada", "dan"), ("ada", "eve"), ("bob", "dan"), ("bob", "fay"),
        ("fay", "ada"), ("gus", "ada"),
    )  # fmt: skip
    account = f"/v1/accounts/{facts.account('ada')}"

    assert names_of(await world.read(f"{account}/mutuals", who="bob")) == ["dan"]
    assert names_of(await world.read(f"{account}/known-followers", who="bob")) == ["fay"]
    assert (await world.ask(f"{account}/mutuals")).status == 401
    assert (await world.ask(f"{account}/known-followers")).status == 401


async def test_friends_of_friends_are_suggested_by_the_number_of_ways(world: ReadWorld) -> None:
    await given_follows(
        world,
        ("ada", "bob"), ("ada", "cleo"), ("bob", "dan"), ("cleo", "dan"), ("cleo", "eve"),
    )  # fmt: skip

    pages = await world.walk("/v1/suggestions?limit=1", who="ada")

    assert [names_of(page) for page in pages] == [["dan"], ["eve"]]
    assert (await world.ask("/v1/suggestions")).status == 401


async def test_blocks_and_mutes_are_the_readers_own_and_show_whom_they_hide(
    world: ReadWorld,
) -> None:
    await world.given_relation(AccountBlocked, "ada", "bob")
    await world.given_relation(AccountMuted, "ada", "cleo")

    blocks = await world.read("/v1/blocks", who="ada")
    mutes = await world.read("/v1/mutes", who="ada")

    assert (names_of(blocks), names_of(mutes)) == (["bob"], ["cleo"])
    assert blocks["items"][0]["viewer"]["blocking"] is True
    assert (await world.read("/v1/blocks", who="bob"))["items"] == []
    assert (await world.ask("/v1/mutes")).status == 401


async def test_lists_of_an_account_that_is_not_there_are_404(world: ReadWorld) -> None:
    await world.given(AccountClosed(event_id=facts.event_id(), actor_id=facts.account("ada")))

    for account_id in (facts.account("ada"), 12):
        for listed in ("followers", "following", "mutuals", "known-followers"):
            answered = await world.ask(f"/v1/accounts/{account_id}/{listed}", who="bob")
            assert answered.status == 404
