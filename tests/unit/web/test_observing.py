"""Observation: each answer once, under names that nobody outside can multiply."""

from time import perf_counter

import pytest

from tests.asgi import OpenChecks, ask
from web.app import build
from web.routing import Auth, Call, Reply, Route

Seen = list[tuple[str, str, int]]


async def answer(_call: Call) -> Reply:
    return Reply(200, b"{}")


async def observed(method: str, path: str) -> Seen:
    seen: Seen = []
    began = perf_counter()

    def observe(*, route: str, method: str, status: int, seconds: float) -> None:
        assert 0 <= seconds <= perf_counter() - began
        seen.append((route, method, status))

    route = Route(method="GET", path="/a/{id:id}", endpoint=answer, summary="", auth=Auth.NONE)
    await ask(build([route], OpenChecks().edge(), observe=observe), method, path)
    return seen


@pytest.mark.parametrize(
    ("method", "path", "seen"),
    [
        ("GET", "/a/1", ("/a/{id:id}", "GET", 200)),
        ("HEAD", "/a/2", ("/a/{id:id}", "HEAD", 200)),
        ("DELETE", "/a/3", ("/a/{id:id}", "DELETE", 405)),
        ("MADEUP", "/a/3", ("/a/{id:id}", "other", 405)),
        ("GET", "/wp-admin", ("(no route)", "GET", 404)),
    ],
)
async def test_an_answer_is_seen_by_its_template(
    method: str, path: str, seen: tuple[str, str, int]
) -> None:
    assert await observed(method, path) == [seen]
