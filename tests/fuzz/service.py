"""The embedded profile in this process, with people on it whose tokens are always good.

What a drawn request may end (a session, an account, a password) it ends for somebody who is there
for nothing else.
"""

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

from commands.ports import Append
from domain import accounts
from domain.events import RoleGranted
from domain.ids import AccountId, PostId
from infra.profiles.embedded import Embedded
from infra.server import application
from infra.settings import load
from tests.asgi import ask

PASSWORD: Final = "correct horse"
TERM_S: Final = 600  # of an administrator: shorter than an access token's life
# An account or a session that ends with these is a new one each time.
ENDING: Final = frozenset(
    {
        ("DELETE", "/v1/accounts/me"),
        ("DELETE", "/v1/sessions"),
        ("PUT", "/v1/accounts/me/password"),
    }
)

# What the id in a path names, by a part of the path; everywhere else it is a tweet's.
KINDS: Final = {"/accounts/": "account", "/replies/": "reply", "/admin/reports/": "report"}
# These may be deleted: there are new ones each time.
OWN_POSTS: Final = ("/v1/tweets/", "/v1/replies/")


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
        self._appoint_at = 0.0
        self._admin: tuple[AccountId, str] | None = None
        self._names: Mapping[str, Any] = {}

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

    def names_for(self, path: str) -> Mapping[str, Any]:
        """What parameters, header fields and members may be, so that they mean something that is
        there: a post that much was made of, somebody's handle and password."""
        names = self._names or asyncio.run(self._furnish())
        refusals = self._embedded.refusals
        if refusals.hidden(PostId(int(names["tweet"]))) or path.startswith(OWN_POSTS):
            names = asyncio.run(self._furnish())
        self._names = names
        kind = next((kind for part, kind in KINDS.items() if part in path), "tweet")
        return {**names, "id": names[kind]}

    def close(self) -> None:
        self._embedded.close()

    async def _furnish(self) -> Mapping[str, Any]:
        """The administrator's tweet and reply, and what somebody else makes of them."""
        _, token = self._admin or await self._appointed()
        account_id, other = await self._newcomer()
        tweet = await self._write(token, "/v1/tweets", f"red #sun @newcomer_{self._made}")
        reply = await self._write(token, f"/v1/posts/{tweet}/replies", "green")
        await self._write(other, "/v1/tweets", "blue", quote_of_id=tweet)
        for reaction in ("like", "repost", "bookmark"):
            await ask(self._app, "PUT", f"/v1/posts/{tweet}/{reaction}", headers=_bearer(other))
        body = {"reason": "spam", "comment": "again"}
        path = f"/v1/posts/{tweet}/reports"
        report = await ask(self._app, "POST", path, headers=_bearer(other), json=body)
        return {
            "tweet": tweet,
            "reply": reply,
            "account": str(account_id),
            "report": report.json()["id"],
            "handle": f"newcomer_{self._made}",
            "tag": "sun",
            "name": "invalid",
            "media_ids": [],
            "quote_of_id": tweet,
            "post_ids": [tweet, reply],
            "password": PASSWORD,
            "current_password": PASSWORD,
            "Consistency-Token": "",
            "If-Match": "*",
        }

    async def _write(self, token: str, path: str, text: str, **more: str) -> str:
        body = {"text": text, **more}
        answered = await ask(self._app, "POST", path, headers=_bearer(token), json=body)
        assert answered.status == 201, answered
        return str(answered.json()["id"])

    def _administrator(self) -> str:
        refusals = self._embedded.refusals
        stale = monotonic() > self._appoint_at
        if stale or self._admin is None or refusals.suspended(self._admin[0]):
            self._admin = asyncio.run(self._appointed())
            self._appoint_at = monotonic() + TERM_S
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


def _bearer(token: str) -> Sequence[tuple[str, str]]:
    return [("authorization", f"Bearer {token}")]


def _unexpected(projection: str, error: BaseException) -> None:
    raise AssertionError(f"{projection} stopped") from error
