"""Followers, following, mutuals, known followers, suggestions, blocks, mutes."""

import pytest

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountSuspended,
)
from tests import facts
from tests.read_world import ADMIN, ReadWorld, names_of


async def given_follows(world: ReadWorld, *pairs: tuple[str, str]) -> None:
    for follower, followee in pairs:
        await world.given_relation(AccountFollowed, follower, followee)


def suspended(name: str) -> AccountSuspended:
    return AccountSuspended(
        event_id=facts.event_id(), actor_id=facts.account(ADMIN), account_id=facts.account(name)
    )


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


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_are_filled_past_whom_the_reader_may_not_see(
    world: ReadWorld, limit: int
) -> None:
    await given_follows(world, *((name, "ada") for name in ("bob", "cleo", "dan", "eve", "fay")))
    await given_follows(world, *(("ada", name) for name in ("bob", "cleo", "dan", "eve", "fay")))
    await world.given_relation(AccountBlocked, "gus", "eve")
    await world.given(suspended("dan"))
    account = f"/v1/accounts/{facts.account('ada')}"

    for listed in ("followers", "following"):
        pages = await world.walk(f"{account}/{listed}?limit={limit}", who="gus")
        found = [names_of(page) for page in pages]
        assert [name for names in found for name in names] == ["fay", "cleo", "bob"]
        assert all(len(names) == limit for names in found[:-1])


async def test_suggestions_mutes_and_blocks_are_filled_too(world: ReadWorld) -> None:
    others = ("cleo", "dan", "eve", "fay")
    await given_follows(world, ("ada", "bob"), *(("bob", name) for name in others))
    for name in others:
        await world.given_relation(AccountMuted, "gus", name)
        await world.given_relation(AccountBlocked, "hal", name)
    await world.given(suspended("dan"), suspended("fay"))

    for target, who in (("suggestions", "ada"), ("mutes", "gus"), ("blocks", "hal")):
        pages = await world.walk(f"/v1/{target}?limit=1", who=who)
        assert sorted(names_of(page) for page in pages) == [["cleo"], ["eve"]]


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
