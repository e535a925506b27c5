"""A process of workers answers from its start, whether the engines do or not."""

import asyncio
from contextlib import suppress

import httpx

from infra.profiles.workers import work
from infra.settings import Settings
from tests.cluster.local import own_port

NOBODY = "127.0.0.1:1"


async def answer(http: httpx.AsyncClient, path: str) -> httpx.Response:
    """As soon as somebody listens."""
    async with asyncio.timeout(30):
        while True:
            with suppress(httpx.ConnectError):
                return await http.get(path)
            await asyncio.sleep(0.01)


async def test_it_is_alive_and_not_ready_while_it_waits_for_the_engines() -> None:
    port = own_port()
    settings = Settings(
        profile="cluster",
        worker_bind=f"127.0.0.1:{port}",
        kafka=NOBODY,
        postgresql=f"postgresql://starling:secret@{NOBODY}/starling",
    )
    working = asyncio.create_task(work(settings, ["trends", "relay"]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            alive, metrics = await answer(http, "/livez"), await answer(http, "/metrics")
            ready = await answer(http, "/readyz")
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    assert (alive.status_code, metrics.status_code) == (200, 200)
    assert ready.status_code == 503
    detail = ready.json()["parts"][0]["detail"]
    assert detail.startswith("Waiting for PostgreSQL at ")
    assert "secret" not in detail
