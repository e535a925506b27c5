"""Accounts and sessions over HTTP, with the real identity provider."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from commands.account_routes import routes
from commands.open_account import OpenAccount, open_account
from domain.errors import Unavailable
from domain.events import AccountClosed, HandleReleased, ProfileChanged
from domain.ids import AccountId
from domain.objects import Account, AccountCounts
from domain.positions import Vector
from infra.local_identity import LocalIdentity
from infra.local_identity.passwords import Cost
from infra.sqlite.identity import SqliteIdentityStore
from tests.fakes import Fakes
from web.app import Edge, build
from web.limits import RateLimits

SECRET, OTHER = "correct horse", "battery staple"
Json = dict[str, Any]


class NothingToWaitFor:
    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        """These routes use no projection."""


class Client:
    """Speaks to the routes as a client does."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        token: str | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self._http.request(method, path, json=body, headers=headers)

    async def sign_up(self, handle: str = "ada", **more: Any) -> httpx.Response:
        body = {"handle": handle, "password": SECRET} | more
        return await self.send("POST", "/v1/accounts", body)

    async def sign_in(self, handle: str = "ada", password: str = SECRET) -> httpx.Response:
        return await self.send("POST", "/v1/sessions", {"handle": handle, "password": password})

    async def token(self, handle: str = "ada") -> str:
        """Of a new account."""
        await self.sign_up(handle)
        return str((await self.sign_in(handle)).json()["access_token"])


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def identity(tmp_path: Path, fakes: Fakes) -> LocalIdentity:
    return LocalIdentity(
        SqliteIdentityStore(tmp_path / "identity.db"),
        log=fakes.log,
        refusals=fakes.refusals,
        clock=lambda: fakes.stamps.now_ms / 1000,
        cost=Cost(passes=1, memory_kib=8),
    )


@pytest.fixture
async def client(fakes: Fakes, identity: LocalIdentity) -> AsyncIterator[Client]:
    ports = replace(fakes.ports, identity=identity)
    edge = Edge(identity, NothingToWaitFor(), RateLimits(enabled=False))
    transport = httpx.ASGITransport(build(routes(ports), edge))
    async with httpx.AsyncClient(transport=transport, base_url="http://starling") as http:
        yield Client(http)
    identity.close()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """What the headers say besides which request it was."""
    return {name: value for name, value in answer.headers.items() if name != "request-id"}


async def test_sign_up_answers_the_account(client: Client) -> None:
    answer = await client.sign_up("Ada_1", display_name="Ada L.")

    account = msgspec.json.decode(answer.content, type=Account)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/accounts/{account.id}"
    assert answer.headers["Consistency-Token"]
    assert (account.handle, account.display_name, account.bio) == ("Ada_1", "Ada L.", "")
    assert account.counts == AccountCounts()


async def test_a_taken_handle_is_a_conflict(client: Client, fakes: Fakes) -> None:
    await client.sign_up("ada")

    assert problem(await client.sign_up("ADA")) == (409, "handle-taken")
    assert len(fakes.log.events) == 2


async def test_of_many_sign_ups_for_one_handle_at_once_one_wins(
    client: Client, fakes: Fakes
) -> None:
    answers = await asyncio.gather(*(client.sign_up("ada") for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert (await client.sign_in()).json()["account_id"] == winner
    assert len(fakes.log.events) == 2


async def test_a_sign_up_that_lost_while_it_was_hashing_keeps_no_password(
    client: Client, fakes: Fakes, tmp_path: Path
) -> None:
    winner = await open_account(OpenAccount(handle="ada"), fakes.ports)
    fakes.log.before_write.append(
        lambda: fakes.log.given(*(event for append in winner.append for event in append.events))
    )

    assert problem(await client.sign_up("ada")) == (409, "handle-taken")

    with closing(sqlite3.connect(tmp_path / "identity.db")) as file:
        assert file.execute("SELECT * FROM passwords").fetchall() == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"password": SECRET}, "/handle"),
        ({"handle": "ada"}, "/password"),
        ({"handle": "a b", "password": SECRET}, "/handle"),
        ({"handle": "ada\n", "password": SECRET}, "/handle"),
        ({"handle": "", "password": SECRET}, "/handle"),
        ({"handle": "x" * 21, "password": SECRET}, "/handle"),
        ({"handle": 7, "password": SECRET}, "/handle"),
        ({"handle": "ada", "password": "short"}, "/password"),
        ({"handle": "ada", "password": "x" * 1_025}, "/password"),
        ({"handle": "ada", "password": SECRET, "display_name": "x" * 51}, "/display_name"),
        ({"handle": "ada", "password": SECRET, "display_name": "a\0"}, "/display_name"),
        ({"handle": "ada", "password": SECRET, "display_name": None}, "/display_name"),
        ({"handle": "ada", "password": SECRET, "admin": True}, "/admin"),
    ],
)
async def test_what_a_sign_up_may_not_say(client: Client, body: Json, pointer: str) -> None:
    answer = await client.send("POST", "/v1/accounts", body)

    assert problem(answer) == (422, "invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert SECRET not in answer.text


async def test_a_sign_up_with_a_key_is_repeated_not_done_again(
    client: Client, fakes: Fakes
) -> None:
    body = {"handle": "ada", "password": SECRET}

    first = await client.send("POST", "/v1/accounts", body, key="k")
    again = await client.send("POST", "/v1/accounts", body, key="k")
    another = await client.send("POST", "/v1/accounts", body | {"password": OTHER}, key="k")
    cased = await client.send("POST", "/v1/accounts", body | {"handle": "ADA"}, key="k")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert problem(another) == (422, "idempotency-key-reused")
    assert problem(cased) == (422, "idempotency-key-reused")
    assert len(fakes.log.events) == 2
    assert (await client.sign_in()).status_code == 200


async def test_a_sign_up_whose_outcome_was_unknown_can_be_tried_again(
    client: Client, fakes: Fakes
) -> None:
    fakes.log.failures.append(Unavailable())
    body = {"handle": "ada", "password": SECRET}

    failed = await client.send("POST", "/v1/accounts", body, key="k")
    again = await client.send("POST", "/v1/accounts", body, key="k")

    assert problem(failed) == (503, "unavailable")
    assert failed.headers["Retry-After"]
    assert again.status_code == 201
    assert (await client.sign_in()).status_code == 200


async def test_signing_in_answers_tokens_that_no_cache_may_keep(client: Client) -> None:
    account = (await client.sign_up("ada")).json()

    answer = await client.sign_in("ADA")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json()) == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "account_id",
    }
    assert answer.json()["account_id"] == account["id"]


async def test_nobody_learns_from_sign_in_which_handles_there_are(client: Client) -> None:
    await client.sign_up("ada")

    answers = [
        await client.sign_in(*credentials)
        for credentials in (
            ("ada", OTHER),
            ("nobody", SECRET),
            ("no handle at all!", SECRET),
            ("", ""),
            ("x" * 10_000, "x" * 10_000),
        )
    ]

    assert {problem(answer) for answer in answers} == {(401, "wrong-credentials")}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(headers_of(answer).items())) for answer in answers}) == 1


async def test_refreshing_works_once(client: Client) -> None:
    await client.sign_up("ada")
    tokens = (await client.sign_in()).json()
    body = {"refresh_token": tokens["refresh_token"]}

    fresh = await client.send("POST", "/v1/sessions/refresh", body)
    stolen = await client.send("POST", "/v1/sessions/refresh", body)
    after = await client.send("DELETE", "/v1/sessions", token=fresh.json()["access_token"])

    assert fresh.status_code == 200
    assert problem(stolen) == (401, "not-signed-in")
    assert stolen.headers["WWW-Authenticate"].startswith("Bearer")
    assert problem(after) == (401, "not-signed-in")


async def test_signing_out_counts_at_once(client: Client) -> None:
    token = await client.token()
    assert (await client.send("PATCH", "/v1/accounts/me", {}, token=token)).status_code == 200

    answer = await client.send("DELETE", "/v1/sessions", token=token)

    assert (answer.status_code, answer.content) == (204, b"")
    again = await client.send("PATCH", "/v1/accounts/me", {}, token=token)
    assert problem(again) == (401, "not-signed-in")


async def test_a_profile_is_changed_in_part(client: Client, fakes: Fakes) -> None:
    token = await client.token()

    named = await client.send("PATCH", "/v1/accounts/me", {"display_name": "Ada"}, token=token)
    account_id = AccountId(int(named.json()["id"]))
    fakes.counters.accounts[account_id] = AccountCounts(tweets=3, followers=2, following=1)
    answer = await client.send("PATCH", "/v1/accounts/me", {"bio": "one\ntwo"}, token=token)

    assert answer.status_code == 200
    account = answer.json()
    assert (account["display_name"], account["bio"]) == ("Ada", "one\ntwo")
    assert account["counts"] == {"tweets": 3, "followers": 2, "following": 1}
    assert account["created_at"] == named.json()["created_at"]
    assert answer.headers["Consistency-Token"]


async def test_an_edit_that_changes_nothing_records_nothing(client: Client, fakes: Fakes) -> None:
    token = await client.token()

    answer = await client.send("PATCH", "/v1/accounts/me", {"bio": ""}, token=token)

    assert answer.status_code == 200
    assert len(fakes.log.events) == 2


async def test_an_edit_decides_again_when_another_came_first(client: Client, fakes: Fakes) -> None:
    token = await client.token()
    opened = fakes.log.events[1]
    other = ProfileChanged(
        event_id=fakes.stamps.event_id(),
        actor_id=opened.actor_id,
        personal=msgspec.structs.replace(opened.personal, bio="theirs"),  # type: ignore[attr-defined]
    )
    fakes.log.before_write.append(lambda: fakes.log.given(other))

    answer = await client.send("PATCH", "/v1/accounts/me", {"display_name": "Ada"}, token=token)

    assert (answer.json()["display_name"], answer.json()["bio"]) == ("Ada", "theirs")
    assert [r.version for r in await fakes.log.history(opened.stream)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"bio": "x" * 161}, "/bio"),
        ({"bio": "a\0"}, "/bio"),
        ({"bio": None}, "/bio"),
        ({"display_name": "two\nlines"}, "/display_name"),
        ({"handle": "bob"}, "/handle"),
    ],
)
async def test_what_an_edit_may_not_say(client: Client, body: Json, pointer: str) -> None:
    answer = await client.send("PATCH", "/v1/accounts/me", body, token=await client.token())

    assert problem(answer) == (422, "invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_changed_password_ends_the_other_sessions(client: Client) -> None:
    token = await client.token()
    other = (await client.sign_in()).json()
    body = {"current_password": SECRET, "new_password": OTHER}

    answer = await client.send("PUT", "/v1/accounts/me/password", body, token=token)

    assert answer.status_code == 204
    assert problem(await client.sign_in()) == (401, "wrong-credentials")
    assert (await client.sign_in(password=OTHER)).status_code == 200
    assert (await client.send("PATCH", "/v1/accounts/me", {}, token=token)).status_code == 200
    ended = await client.send("PATCH", "/v1/accounts/me", {}, token=other["access_token"])
    assert problem(ended) == (401, "not-signed-in")


async def test_changing_a_password_needs_the_current_one_each_time(client: Client) -> None:
    token = await client.token()
    wrong = {"current_password": OTHER, "new_password": OTHER}
    short = {"current_password": SECRET, "new_password": "short"}

    for _ in range(2):
        answer = await client.send("PUT", "/v1/accounts/me/password", wrong, token=token, key="k")
        assert problem(answer) == (401, "wrong-credentials")
        assert "Idempotency-Replayed" not in answer.headers
    refused = await client.send("PUT", "/v1/accounts/me/password", short, token=token)
    assert refused.json()["errors"][0]["pointer"] == "/new_password"


async def test_what_a_key_is_bound_to_cannot_be_used_to_guess_a_password(
    client: Client, fakes: Fakes
) -> None:
    token = await client.token("bob")
    change = {"current_password": SECRET, "new_password": OTHER}

    await client.send("POST", "/v1/accounts", {"handle": "ada", "password": SECRET}, key="k")
    await client.send("PUT", "/v1/accounts/me/password", change, token=token, key="k")

    kept = list(fakes.idempotency.fingerprints.values())
    assert len(kept) == 2
    assert all(fingerprint.startswith(b"fingerprint:") for fingerprint in kept)  # was blinded


async def test_a_closed_account_is_gone_at_once_and_its_handle_is_free(
    client: Client, fakes: Fakes
) -> None:
    token = await client.token()

    answer = await client.send("DELETE", "/v1/accounts/me", token=token)

    assert answer.status_code == 204
    assert [type(event) for event in fakes.log.events[2:]] == [AccountClosed, HandleReleased]
    again = await client.send("DELETE", "/v1/accounts/me", token=token)
    assert problem(again) == (401, "not-signed-in")
    assert problem(await client.sign_in()) == (401, "wrong-credentials")
    heir = await client.sign_up("ADA")
    assert heir.status_code == 201
    assert (await client.sign_in()).json()["account_id"] == heir.json()["id"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/v1/accounts/me", {}),
        ("PUT", "/v1/accounts/me/password", {"current_password": "x", "new_password": OTHER}),
        ("DELETE", "/v1/accounts/me", None),
        ("DELETE", "/v1/sessions", None),
    ],
)
async def test_what_is_ones_own_needs_a_token(
    client: Client, method: str, path: str, body: Json | None
) -> None:
    assert problem(await client.send(method, path, body)) == (401, "not-signed-in")


async def test_a_suspended_account_can_neither_act_nor_sign_in(
    client: Client, fakes: Fakes
) -> None:
    token = await client.token()
    fakes.refusals.suspended_ids.add(fakes.log.events[0].actor_id)

    edit = await client.send("PATCH", "/v1/accounts/me", {"bio": "x"}, token=token)

    assert problem(edit) == (403, "suspended")
    assert problem(await client.sign_in()) == (403, "suspended")
    assert problem(await client.sign_in(password=OTHER)) == (401, "wrong-credentials")
