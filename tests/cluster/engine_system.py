"""An installation on the engines as what the model of the product is held against.

It stays from one history to the next, so a history ends with everybody closing their account: with
them goes all that they did, and the handles are free again.
"""

import asyncio
from collections.abc import Mapping
from itertools import cycle
from time import monotonic
from typing import Any, Final

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from infra.control.client import ask as ask_server
from infra.control.requests import GrantRoleTo
from tests.asgi import Answered
from tests.blackbox.client import Api, Person, expect
from tests.cluster.installation import Installation
from tests.model import commands, drawing
from tests.model.commands import Command
from tests.model.deeds import Deeds
from tests.model.drawing import person
from tests.model.driven import MODERATOR, NAMES, PASSWORD, sign_in, sign_up
from tests.model.machine import TOKEN

ANSWERS_S: Final = 120.0
WAIT_S: Final = 10
PATIENCE_S: Final = 300.0
LOOK_EVERY_S: Final = 0.2
KEY: Final = "idempotency-key"


class EngineSystem:
    """Commands go to the processes that take them in turn, reads to the one for reads, which is
    shown the tokens of all commands: so it answers with everything that was done."""

    def __init__(self, installation: Installation, tokens: list[str]) -> None:
        """`tokens` are those of the commands before, and are kept up."""
        self._commands = cycle([one.url for one in installation.all_commands])
        self._reads = installation.reads.url
        self._tokens = tokens
        self._http = httpx.AsyncClient(timeout=ANSWERS_S)
        self.moderator = ""

    async def ask(
        self,
        method: str,
        target: str,
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One request."""
        shown = tuple(self._tokens)
        fields = {"prefer": f"wait={WAIT_S}", **(headers or {}), TOKEN: ", ".join(shown)}
        if token is not None:
            fields["authorization"] = f"Bearer {token}"
        base = self._reads if method == "GET" else next(self._commands)
        found = await self._http.request(method, base + target, headers=fields, json=body)
        until = monotonic() + PATIENCE_S
        again = method == "GET" or KEY in fields
        while again and _is_for_now(found) and monotonic() < until:
            # What was done cannot be read yet, or an engine stood still for too long: a busy
            # machine may say so for long, and a command is done once for its key.
            await asyncio.sleep(LOOK_EVERY_S)
            found = await self._http.request(method, base + target, headers=fields, json=body)
        if TOKEN in found.headers and method != "GET":
            self._tokens[:] = [one for one in self._tokens if one not in shown]
            self._tokens.append(found.headers[TOKEN])
        return Answered(found.status_code, dict(found.headers), found.content)

    async def catch_up(self) -> None:
        """Every read waits for what was done."""

    async def parked(self) -> list[str]:
        """Projections that could not take an event."""
        found = await self.ask("GET", "/v1/admin/projections", self.moderator)
        assert found.status == 200, found
        return [one["name"] for one in found.json()["items"] if one["dead_letters"]]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _is_for_now(answer: httpx.Response) -> bool:
    return answer.status_code == 503 or b"idempotency-key-in-progress" in answer.content


class OnEngines(Deeds):
    """A history on `installation`, whose moderator is there by `appoint`."""

    installation: Installation
    # Of all histories: each begins where the one before ended.
    shown: list[str]
    system: EngineSystem

    @initialize(
        follows=st.lists(drawing.following, min_size=2, max_size=8),
        tweets=st.lists(st.builds(commands.Post, person, drawing.words), min_size=2, max_size=6),
    )
    def begin(self, follows: list[Command], tweets: list[Command]) -> None:
        self.system = EngineSystem(self.installation, self.shown)
        self.moderator = self.run(sign_in(self.system, MODERATOR))
        self.system.moderator = self.moderator
        for name in NAMES:
            self.sign_up(name)
        self.do(*follows, *tweets)

    def leave(self) -> None:
        """Let everybody close their account, those who may not do so at this moment too."""
        for one in self.product.people.values():
            if one.closed:
                continue
            if one.suspended:
                self._must("DELETE", f"/v1/admin/accounts/{one.id}/suspension", self.moderator)
            self._must("DELETE", "/v1/accounts/me", self.tokens[one.id])
        self.loop.run_until_complete(self.system.close())

    def _must(self, method: str, target: str, token: str) -> None:
        answered = self.loop.run_until_complete(self.system.ask(method, target, token))
        assert answered.status == 204, answered


def histories_on(installation: Installation, *, histories: int, steps: int) -> None:
    """Have so many histories take turns on an installation. It must be empty, and is again then.
    Raises Disagreement."""
    bounds = settings(
        max_examples=histories,
        stateful_step_count=steps,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    named = {"installation": installation, "shown": list[str]()}
    run_state_machine_as_test(type("OnThisInstallation", (OnEngines,), named), settings=bounds)


async def appoint(installation: Installation) -> None:
    """Have the moderator of all histories."""
    system = EngineSystem(installation, [])
    try:
        await sign_up(system, MODERATOR)
        folder = installation.commands.folder
        ask_server(folder, GrantRoleTo(MODERATOR, "admin"), lambda _progress: None)
    finally:
        await system.close()


def moderator_of(installation: Installation) -> Person:
    """The moderator, signed in."""
    with installation.http() as http:
        moderator = Person(Api(http), "", MODERATOR)
        moderator.sign_in(PASSWORD)
        # Each look waits for the views, which may only begin to be filled.
        until = monotonic() + PATIENCE_S
        while (found := moderator.get("/v1/accounts/me")).status_code == 503:
            assert monotonic() < until, found.text
        moderator.id = expect(found, 200).json()["id"]
    return moderator
