"""The embedded profile in this process, with people on it whose tokens are always good.

What a drawn request may end (a session, an account, a password) it ends for somebody who is there
for nothing else.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

from commands.ports import Append
from domain import accounts
from domain.events import RoleGranted
from domain.ids import AccountId
from infra.profiles.embedded import Embedded
from infra.server import application
from infra.settings import load
from tests.asgi import ask

PASSWORD: Final = "correct horse"
# An account or a session that ends with these is a new one each time.
ENDING: Final = frozenset(
    {
        ("DELETE", "/v1/accounts/me"),
        ("DELETE", "/v1/sessions"),
        ("PUT", "/v1/accounts/me/password"),
    }
)


class Service:
    """The application, open until `close`, and who may ask it."""

    def __init__(self, folder: Path) -> None:
        settings, _ = load(
            {
                "STARLING_DATA": str(folder),
                "STARLING_RATE_LIMITS": "off",
                "STARLING_ARGON2_COST": "lowest",
            }
        )
        self._embedded = Embedded(settings, crashed=_unexpected)
        self._app = application(self._embedded, settings)
        self._embedded.start()
        self._made = 0
        self._admin: tuple[AccountId, str] | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """ASGI. It is open already: a client's beginning and end are not its own."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    def headers_for(self, method: str, path: str) -> Mapping[str, str]:
        """The credentials of an administrator who may act."""
        if (method, path) in ENDING:
            _, token = asyncio.run(self._newcomer())
        else:
            token = self._administrator()
        return {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        self._embedded.close()

    def _administrator(self) -> str:
        refusals = self._embedded.refusals
        if self._admin is None or refusals.suspended(self._admin[0]):
            self._admin = asyncio.run(self._appointed())
        return self._admin[1]

    async def _appointed(self) -> tuple[AccountId, str]:
        account_id, _ = await self._newcomer()
        granted = RoleGranted(
            event_id=self._embedded.stamps.event_id(),
            actor_id=account_id,
            account_id=account_id,
            role="admin",
        )
        await self._embedded.log.append([Append(accounts.roles_of(account_id), 0, (granted,))])
        return account_id, await self._sign_in()

    async def _newcomer(self) -> tuple[AccountId, str]:
        self._made += 1
        body = {"handle": f"newcomer_{self._made}", "password": PASSWORD}
        answered = await ask(self._app, "POST", "/v1/accounts", json=body)
        assert answered.status == 201, answered
        return AccountId(int(answered.json()["id"])), await self._sign_in()

    async def _sign_in(self) -> str:
        body = {"handle": f"newcomer_{self._made}", "password": PASSWORD}
        answered = await ask(self._app, "POST", "/v1/sessions", json=body)
        assert answered.status == 200, answered
        return str(answered.json()["access_token"])


def _unexpected(projection: str, error: BaseException) -> None:
    raise AssertionError(f"{projection} stopped") from error
