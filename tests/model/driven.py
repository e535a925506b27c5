"""What the model is held against, wherever it runs, and who is in it from the beginning."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from tests.asgi import Answered
from tests.model.looking import Asked

NAMES: Final = ("ada", "bob", "cleo", "dan", "eve", "fay")
MODERATOR: Final = "root"
PASSWORD: Final = "correct horse"


class Driven(Asked, Protocol):
    """A whole system, in this process or in others."""

    async def ask(
        self,
        method: str,
        target: str,
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One request."""

    async def catch_up(self) -> None:
        """Return once what was done can be read."""

    async def parked(self) -> list[str]:
        """Projections that could not take an event."""


async def sign_up(system: Driven, handle: str) -> int:
    """The id of the new account."""
    body = {"handle": handle, "password": PASSWORD}
    answered = await system.ask("POST", "/v1/accounts", body=body)
    assert answered.status == 201, answered
    return int(answered.json()["id"])


async def sign_in(system: Driven, handle: str) -> str:
    """An access token."""
    body = {"handle": handle, "password": PASSWORD}
    answered = await system.ask("POST", "/v1/sessions", body=body)
    assert answered.status == 200, answered
    return str(answered.json()["access_token"])
