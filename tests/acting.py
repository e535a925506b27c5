"""A world of fakes in which named people give commands: given events, when a command, then both
the answer and what was recorded.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from commands.handling import Decision, run
from commands.ports import Ports
from domain.events import Event, RelationshipFact
from domain.ids import AccountId, EventId
from domain.positions import Vector
from tests import facts
from tests.fakes import Fakes, FakeStamps
from web.routing import Call, Identity, Reply

CommandT = TypeVar("CommandT")
Handler = Callable[[CommandT, Ports], Awaitable[Decision]]

# Behind every event that `facts` makes: what a command does comes after what was given.
NOW_MS = facts.NOON_MS + 10**10


def call(
    who: str | None = "ada",
    *,
    key: str | None = None,
    fingerprint: bytes = b"a request",
    vector: Vector | None = None,
) -> Call:
    """A request of a named person, with or without an Idempotency-Key."""
    identity = None if who is None else Identity(facts.account(who), "session", frozenset())
    return Call(
        identity=identity,
        path={},
        query=None,
        body=None,
        headers={} if key is None else {"idempotency-key": key},
        vector=vector or {},
        fingerprint=fingerprint,
    )


@dataclass
class World:
    """Everybody in `facts.NAMES` has an account; `news` is what was recorded since `given`."""

    fakes: Fakes = field(default_factory=lambda: Fakes(stamps=FakeStamps(NOW_MS)))

    def __post_init__(self) -> None:
        self._pairs = facts.Log()
        self._given = 0
        self.given(*(facts.opened(name) for name in facts.NAMES))

    @property
    def ports(self) -> Ports:
        return self.fakes.ports

    @property
    def news(self) -> list[Event]:
        return self.fakes.log.events[self._given :]

    def given(self, *events: Event) -> "World":
        for event in events:
            record = self.fakes.log.given if event.APPENDED else self.fakes.log.given_published
            record(event)
        self._given = len(self.fakes.log.recorded)
        return self

    def given_relation(self, fact: type[RelationshipFact], actor: str, target: str) -> "World":
        return self.given(*(one.event for one in self._pairs.relate(fact, actor, target)))

    async def when(
        self, handler: Handler[CommandT], command: CommandT, asked: Call | None = None
    ) -> Reply:
        """Have a command decided and recorded, on the way that every command takes."""

        async def decide(ports: Ports) -> Decision:
            return await handler(command, ports)

        return await run(asked or call(), self.ports, decide)


def next_id(sequence: int = 0) -> EventId:
    """The id that a world's stamps give at the `sequence`-th asking."""
    stamps = FakeStamps(NOW_MS)
    for _ in range(sequence):
        stamps.event_id()
    return stamps.event_id()


def account(name: str) -> AccountId:
    return facts.account(name)


def body_of(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(reply.body)
    return found
