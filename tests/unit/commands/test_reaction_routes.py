"""Reactions, reports, impressions and read marks over HTTP."""

import pytest

from domain.events import AccountBlocked, ImpressionsRecorded, NotificationsRead
from domain.ids import ID_MAX
from tests import facts
from tests.acting import next_id
from tests.http_world import HttpWorld, pointers

POSTED = facts.tweet("bob")
PATH = f"/v1/posts/{POSTED.post_id}"


@pytest.mark.parametrize("name", ["like", "repost", "bookmark"])
class TestToggles:
    """`PUT` and `DELETE` of what a reader did with a post."""

    async def test_each_may_be_repeated(self, name: str) -> None:
        world = HttpWorld()
        world.given(POSTED)

        answers = [
            await world.ask(method, f"{PATH}/{name}")
            for method in ("PUT", "PUT", "DELETE", "DELETE")
        ]

        assert [(a.status_code, a.content) for a in answers] == [(204, b"")] * 4
        assert all(answer.headers["Consistency-Token"] for answer in answers)
        assert len(world.news) == 2

    async def test_a_block_forbids_it_but_not_to_take_it_back(self, name: str) -> None:
        world = HttpWorld()
        world.given(POSTED).given_relation(AccountBlocked, "bob", "ada")

        put = await world.ask("PUT", f"{PATH}/{name}")
        delete = await world.ask("DELETE", f"{PATH}/{name}")

        assert (put.status_code, delete.status_code) == (403, 204)

    @pytest.mark.parametrize("post_id", ["1", "9" * 40])
    async def test_an_unknown_post_is_not_found(self, name: str, post_id: str) -> None:
        world = HttpWorld()

        put = await world.ask("PUT", f"/v1/posts/{post_id}/{name}")
        delete = await world.ask("DELETE", f"/v1/posts/{post_id}/{name}")

        assert (put.status_code, delete.status_code) == (404, 404)


async def test_a_report_is_filed() -> None:
    world = HttpWorld()
    world.given(POSTED)

    answer = await world.ask("POST", f"{PATH}/reports", {"reason": "spam", "comment": "again"})

    assert answer.status_code == 201
    assert answer.json()["id"] == str(next_id())


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"reason": "spam", "comment": "x" * 501}, "/comment"),
        ({"reason": "spam", "comment": "\0"}, "/comment"),
        ({"reason": "spam", "post": "1"}, "/post"),
    ],
)
async def test_a_report_that_breaks_a_rule_is_refused(body: object, at: str) -> None:
    world = HttpWorld()
    world.given(POSTED)

    answer = await world.ask("POST", f"{PATH}/reports", body)

    assert (answer.status_code, pointers(answer)) == (422, [at])


async def test_impressions_are_accepted_unseen() -> None:
    world = HttpWorld()

    answer = await world.ask("POST", "/v1/impressions", {"post_ids": ["7", "9" * 40, "7"]})

    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["Consistency-Token"]
    [recorded] = world.news
    assert isinstance(recorded, ImpressionsRecorded)
    assert recorded.post_ids == (7, ID_MAX)


@pytest.mark.parametrize(
    ("post_ids", "at"),
    [
        ([], "/post_ids"),
        (["1"] * 101, "/post_ids"),
        (["1", "x"], "/post_ids/1"),
        (["1", 2], "/post_ids/1"),
        ("1", "/post_ids"),
    ],
)
async def test_impressions_of_what_cannot_be_posts_are_refused(post_ids: object, at: str) -> None:
    answer = await HttpWorld().ask("POST", "/v1/impressions", {"post_ids": post_ids})

    assert (answer.status_code, pointers(answer)) == (422, [at])


async def test_notifications_are_marked_as_read() -> None:
    world = HttpWorld()

    answer = await world.ask("PUT", "/v1/notifications/read", {"up_to_id": "7"})

    assert answer.status_code == 204
    [read] = world.news
    assert isinstance(read, NotificationsRead)
    assert read.up_to_id == 7
