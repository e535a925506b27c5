"""Follow, block and mute over HTTP."""

import pytest

from domain.events import AccountBlocked
from tests.acting import account
from tests.http_world import HttpWorld

BOB = f"/v1/accounts/{account('bob')}"
ADA = f"/v1/accounts/{account('ada')}"


@pytest.mark.parametrize("name", ["follow", "block", "mute"])
class TestToggles:
    """`PUT` and `DELETE` of how one stands to another."""

    async def test_each_may_be_repeated(self, name: str) -> None:
        world = HttpWorld()

        answers = [
            await world.ask(method, f"{BOB}/{name}")
            for method in ("PUT", "PUT", "DELETE", "DELETE")
        ]

        assert [(a.status_code, a.content) for a in answers] == [(204, b"")] * 4
        assert all(answer.headers["Consistency-Token"] for answer in answers)
        assert len(world.news) == 2

    async def test_nobody_does_it_to_themselves(self, name: str) -> None:
        answer = await HttpWorld().ask("PUT", f"{ADA}/{name}")

        assert answer.status_code == 422

    async def test_an_unknown_account_is_not_found(self, name: str) -> None:
        world = HttpWorld()

        put = await world.ask("PUT", f"/v1/accounts/1/{name}")
        delete = await world.ask("DELETE", f"/v1/accounts/1/{name}")

        assert (put.status_code, delete.status_code) == (404, 404)


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "bob"), ("bob", "ada")])
async def test_a_block_either_way_forbids_to_follow(blocker: str, blocked: str) -> None:
    world = HttpWorld()
    world.given_relation(AccountBlocked, blocker, blocked)

    answer = await world.ask("PUT", f"{BOB}/follow")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/blocked")
