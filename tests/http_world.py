"""A world of fakes behind the real HTTP edge: people ask by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from commands.routes import routes
from domain.errors import NotSignedIn
from domain.positions import Vector
from tests import facts
from tests.acting import World
from web.app import Edge, build
from web.limits import RateLimits
from web.routing import Identity

ADMIN = "hal"
Json = dict[str, Any]


class FakeAuthenticator:
    """A token is a name; one person is the administrator."""

    def verify(self, token: str) -> Identity:
        if token not in facts.NAMES:
            raise NotSignedIn
        scopes = frozenset({"admin"} if token == ADMIN else ())
        return Identity(facts.account(token), f"session of {token}", scopes)


class NothingToWaitFor:
    """Commands use no projection."""

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        assert not projections


@dataclass
class HttpWorld(World):
    """`ask` is one request of a named person (None: without a token)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        edge = Edge(FakeAuthenticator(), NothingToWaitFor(), RateLimits(enabled=False))
        self._transport = httpx.ASGITransport(build(routes(self.ports), edge))

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str | None = "ada",
        **headers: str,
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            named["authorization"] = f"Bearer {who}"
        raw = {"content": body} if isinstance(body, bytes) else {"json": body}
        if isinstance(body, bytes):
            named["content-type"] = "application/json"
        async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as http:
            return await http.request(method, path, headers=named, **raw)


def pointers(response: httpx.Response) -> list[str]:
    """Where the problems are that a 422 names."""
    return [error["pointer"] for error in response.json()["errors"]]
