"""One view's store is down: it stalls alone, says so, and catches up by itself (DESIGN 6.10)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.applications import Starlette

from infra.profiles.embedded import Embedded
from infra.server import application
from infra.settings import load
from tests.asgi import Answered, ask

# Of ten seconds each.
READS_MAX: Final = 6
LOCK_WAIT_S: Final = 60.0


class Client:
    """One signed-up person."""

    def __init__(self, app: Starlette, headers: list[tuple[str, str]]) -> None:
        self._app = app
        self._headers = headers

    async def send(
        self, method: str, path: str, body: Any = None, *, token: str = "", wait_s: int = 10
    ) -> Answered:
        more = [("Consistency-Token", token), ("Prefer", f"wait={wait_s}")] if token else []
        return await ask(self._app, method, path, headers=[*self._headers, *more], json=body)

    async def read(self, path: str, token: str) -> Answered:
        """What is there, once the view is where the token says."""
        found = await self.send("GET", path, token=token)
        for _ in range(READS_MAX - 1):
            if found.status != 503:
                break
            found = await self.send("GET", path, token=token)
        return found


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[tuple[Embedded, Client]]:
    settings, _ = load(
        {
            "STARLING_DATA": str(tmp_path),
            "STARLING_RATE_LIMITS": "off",
            "STARLING_ARGON2_COST": "lowest",
        }
    )
    embedded = Embedded(settings, crashed=lambda name, error: pytest.fail(f"{name}: {error}"))
    app = application(embedded, settings)
    async with app.router.lifespan_context(app):
        account = {"handle": "ada", "password": "correct horse"}
        await ask(app, "POST", "/v1/accounts", json=account)
        signed_in = await ask(app, "POST", "/v1/sessions", json=account)
        bearer = f"Bearer {signed_in.json()['access_token']}"
        yield embedded, Client(app, [("Authorization", bearer)])


async def down(client: Client) -> list[str]:
    """The parts that are down, of a server that is ready all the same."""
    ready = await client.send("GET", "/readyz")
    assert ready.status == 200
    return [part["name"] for part in ready.json()["parts"] if part["state"] == "down"]


async def test_a_locked_store_stalls_its_own_projection_only(
    serving: tuple[Embedded, Client],
) -> None:
    embedded, ada = serving
    path = embedded.folder.projection("search_index", 1)
    lock = sqlite3.connect(path, isolation_level=None, timeout=LOCK_WAIT_S)
    lock.execute("BEGIN IMMEDIATE")

    posted = await ada.send("POST", "/v1/tweets", {"text": "hello isolation"})
    token = posted.headers["consistency-token"]
    home = await ada.read("/v1/timelines/home", token)
    behind = await ada.send("GET", "/v1/search/posts?q=isolation", token=token, wait_s=0)
    async with asyncio.timeout(30):
        while not (states := await down(ada)):  # noqa: ASYNC110 - only the server can tell
            await asyncio.sleep(0)

    assert posted.status == 201
    assert [item["text"] for item in home.json()["items"]] == ["hello isolation"]
    assert behind.status == 503
    assert behind.json()["type"] == "/problems/projection-behind"
    assert states == ["search_index"]

    lock.execute("ROLLBACK")
    lock.close()
    found = await ada.read("/v1/search/posts?q=isolation", token)
    assert [item["text"] for item in found.json()["items"]] == ["hello isolation"]


async def test_a_store_that_cannot_be_read_is_a_503_of_its_own_reads(
    serving: tuple[Embedded, Client],
) -> None:
    embedded, ada = serving
    posted = await ada.send("POST", "/v1/tweets", {"text": "hello"})
    token = posted.headers["consistency-token"]
    await ada.read("/v1/search/posts?q=hello", token)
    path = embedded.folder.projection("search_index", 1)
    damage = sqlite3.connect(path, isolation_level=None, timeout=LOCK_WAIT_S)
    damage.execute("ALTER TABLE post_terms RENAME TO lost")
    damage.close()

    search = await ada.send("GET", "/v1/search/posts?q=hello")
    home = await ada.send("GET", "/v1/timelines/home")

    assert search.status == 503
    assert search.headers["content-type"] == "application/problem+json"
    assert "retry-after" in search.headers
    assert home.status == 200
