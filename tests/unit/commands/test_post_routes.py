"""Tweets and replies over HTTP."""

import msgspec
import pytest

from domain.events import AccountBlocked, PostPosted
from domain.objects import Post
from tests import facts
from tests.acting import account, next_id
from tests.http_world import HttpWorld, pointers

POSTED = facts.tweet("ada", "first")
REPLIED = facts.reply("ada", facts.tweet("bob"), "first")


async def test_a_tweet_is_answered_with_the_post_and_a_token() -> None:
    answer = await HttpWorld().ask("POST", "/v1/tweets", {"text": "hello"})

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/posts/{next_id()}"
    assert answer.headers["Consistency-Token"]
    assert msgspec.json.decode(answer.content, type=Post).id == str(next_id())


async def test_a_quote_names_its_post_by_a_decimal_string() -> None:
    world = HttpWorld()
    world.given(POSTED)

    answer = await world.ask(
        "POST", "/v1/tweets", {"text": "look", "quote_of_id": str(POSTED.post_id)}
    )

    assert answer.json()["quote_of_id"] == str(POSTED.post_id)


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "/text"),
        ({"text": None}, "/text"),
        ({"text": 1}, "/text"),
        ({"text": ""}, "/text"),
        ({"text": "\0"}, "/text"),
        ({"text": "a" * 281}, "/text"),
        ({"text": "a" * 60_000}, "/text"),
        ({"text": "a", "media_ids": ["1"]}, "/media_ids"),
        ({"text": "a", "media_ids": ["x"]}, "/media_ids/0"),
        ({"text": "a", "media_ids": None}, "/media_ids"),
        ({"text": "a", "quote_of_id": 1}, "/quote_of_id"),
        ({"text": "a", "quote_of_id": "-1"}, "/quote_of_id"),
        ({"text": "a", "quote_of_id": "1e3"}, "/quote_of_id"),
        ({"text": "a", "quote_of_id": "\u0661"}, "/quote_of_id"),
        ({"text": "a", "quote_of_id": "9" * 41}, "/quote_of_id"),
        ({"text": "a", "mood": "good"}, "/mood"),
    ],
)
async def test_a_field_that_breaks_a_rule_is_pointed_at(body: object, at: str) -> None:
    world = HttpWorld()

    answer = await world.ask("POST", "/v1/tweets", body)

    assert answer.status_code == 422
    assert pointers(answer) == [at]
    assert world.news == []


@pytest.mark.parametrize("raw", [b"", b"{", b'{"text": "\\ud800"}', b'{"text": "\xff"}'])
async def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    answer = await HttpWorld().ask("POST", "/v1/tweets", raw)

    assert answer.status_code == 400


async def test_no_media_may_be_named_by_nothing() -> None:
    answer = await HttpWorld().ask("POST", "/v1/tweets", {"text": "a", "media_ids": []})

    assert answer.status_code == 201


async def test_a_huge_id_is_one_that_nothing_has() -> None:
    answer = await HttpWorld().ask("POST", "/v1/tweets", {"text": "a", "quote_of_id": "9" * 40})

    assert answer.status_code == 404


async def test_commands_need_a_token() -> None:
    answer = await HttpWorld().ask("POST", "/v1/tweets", {"text": "a"}, who=None)

    assert answer.status_code == 401


async def test_a_key_makes_a_repetition_harmless() -> None:
    world = HttpWorld()

    first = await world.ask("POST", "/v1/tweets", {"text": "a"}, idempotency_key="k")
    second = await world.ask("POST", "/v1/tweets", {"text": "a"}, idempotency_key="k")
    other = await world.ask("POST", "/v1/tweets", {"text": "b"}, idempotency_key="k")

    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert (other.status_code, len(world.news)) == (422, 1)


async def test_a_reply_is_answered_with_the_post() -> None:
    world = HttpWorld()
    world.given(POSTED)

    answer = await world.ask("POST", f"/v1/posts/{POSTED.post_id}/replies", {"text": "yes"})

    assert answer.status_code == 201
    assert answer.json()["in_reply_to_id"] == str(POSTED.post_id)


@pytest.mark.parametrize(
    ("body", "at"),
    [({"text": " "}, "/text"), ({"text": "a", "media_ids": ["1"]}, "/media_ids")],
)
async def test_a_reply_that_breaks_a_rule_is_refused(body: object, at: str) -> None:
    world = HttpWorld()
    world.given(POSTED)

    answer = await world.ask("POST", f"/v1/posts/{POSTED.post_id}/replies", body)

    assert (answer.status_code, pointers(answer)) == (422, [at])


async def test_a_block_forbids_to_reply() -> None:
    world = HttpWorld()
    world.given(POSTED).given_relation(AccountBlocked, "ada", "bob")

    answer = await world.ask(
        "POST", f"/v1/posts/{POSTED.post_id}/replies", {"text": "yes"}, who="bob"
    )

    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/blocked"


@pytest.mark.parametrize(
    ("posted", "family"), [(POSTED, "tweets"), (REPLIED, "replies")], ids=["tweet", "reply"]
)
class TestOnesOwn:
    """What can be done with one's own tweet or reply, at paths of its family."""

    async def test_an_edit_is_answered_with_the_new_version(
        self, posted: PostPosted, family: str
    ) -> None:
        world = HttpWorld()
        world.given(posted)
        path = f"/v1/{family}/{posted.post_id}"

        first = await world.ask("PATCH", path, {"text": "second"}, if_match='"1.abc"')
        second = await world.ask("PATCH", path, {"text": "third"}, if_match='W/"2"')

        assert (first.status_code, first.json()["version"]) == (200, 2)
        assert (second.status_code, second.json()["version"]) == (200, 3)
        assert msgspec.json.decode(second.content, type=Post).text == "third"
        assert second.headers["Consistency-Token"]

    @pytest.mark.parametrize(
        ("if_match", "status"),
        [(None, 428), ('"2"', 412), ('"zero"', 412), ("1", 400), ("*", 200), ('"7", "1"', 200)],
    )
    async def test_an_edit_names_the_version_that_was_seen(
        self,
        posted: PostPosted,
        family: str,
        if_match: str | None,
        status: int,
    ) -> None:
        world = HttpWorld()
        world.given(posted)
        headers = {} if if_match is None else {"if_match": if_match}

        answer = await world.ask(
            "PATCH", f"/v1/{family}/{posted.post_id}", {"text": "second"}, **headers
        )

        assert answer.status_code == status

    async def test_only_its_author_may_change_it(self, posted: PostPosted, family: str) -> None:
        world = HttpWorld()
        world.given(posted)
        path = f"/v1/{family}/{posted.post_id}"

        edited = await world.ask("PATCH", path, {"text": "x"}, who="bob", if_match='"1"')
        deleted = await world.ask("DELETE", path, who="bob")

        assert (edited.status_code, deleted.status_code) == (403, 403)

    async def test_at_the_path_of_the_other_family_it_is_not_found(
        self, posted: PostPosted, family: str
    ) -> None:
        world = HttpWorld()
        world.given(posted)
        other = "replies" if family == "tweets" else "tweets"
        path = f"/v1/{other}/{posted.post_id}"

        edited = await world.ask("PATCH", path, {"text": "x"}, if_match='"1"')
        deleted = await world.ask("DELETE", path)

        assert (edited.status_code, deleted.status_code) == (404, 404)

    async def test_it_can_be_deleted_once(self, posted: PostPosted, family: str) -> None:
        world = HttpWorld()
        world.given(posted)
        path = f"/v1/{family}/{posted.post_id}"

        first, second = [await world.ask("DELETE", path) for _ in range(2)]

        assert (first.status_code, first.content) == (204, b"")
        assert first.headers["Consistency-Token"]
        assert second.status_code == 404


async def test_the_edit_of_a_suspended_account_is_refused() -> None:
    world = HttpWorld()
    world.given(POSTED)
    world.fakes.refusals.suspended_ids.add(account("ada"))

    answer = await world.ask("PATCH", f"/v1/tweets/{POSTED.post_id}", {"text": "x"}, if_match='"1"')

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/suspended")
