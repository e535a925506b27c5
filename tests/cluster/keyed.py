"""Commands with Idempotency-Keys, on the way that every command takes."""

from dataclasses import replace
from typing import Final

from commands.handling import Decide, Decision, run
from commands.ports import Answer, Ports
from domain.ids import AccountId
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.idempotency import CassandraIdempotency
from tests import facts
from tests.acting import call
from tests.cluster.faulty import Faults
from tests.cluster.log_world import World, followed
from tests.fakes import Fakes

ADA: Final = facts.account("ada")
SCOPE: Final = str(ADA)
PRINT: Final = b"print"


def process(world: World, faults: Faults | None = None) -> "Process":
    log = world.process(faults)
    return Process(log, CassandraIdempotency(log, now_ms=lambda: world.ms))


class Process:
    """One of several that serve; `made` has the ids of what it decided."""

    def __init__(self, log: ClusterEventLog, keys: CassandraIdempotency) -> None:
        self.log = log
        self.keys = keys
        self.made: list[int] = []
        self._ports = replace(Fakes().ports, log=log, idempotency=keys)

    async def tweet(self, key: str, *, exclusive: bool = False) -> Answer:
        """A command that publishes."""

        async def decide(_: Ports) -> Decision:
            event = facts.tweet("ada", "an unmistakable confession")
            self.made.append(event.event_id)
            return Decision(Answer(201, str(event.event_id).encode()), publish=(event,))

        return await self._told(key, decide, exclusive=exclusive)

    async def follow(self, key: str, target: AccountId, *, exclusive: bool = False) -> Answer:
        """A command that appends, and decides again when another one was first."""

        async def decide(ports: Ports) -> Decision:
            append = followed(target, ADA)
            newest = await ports.log.latest(append.stream)
            version = 0 if newest is None else newest.version
            event_id = append.events[0].event_id
            self.made.append(event_id)
            answer = Answer(200, str(event_id).encode())
            return Decision(answer, append=(append._replace(expected_version=version),))

        return await self._told(key, decide, exclusive=exclusive)

    async def _told(self, key: str, decide: Decide, *, exclusive: bool) -> Answer:
        asked = call(key=key, fingerprint=PRINT)
        reply = await run(asked, self._ports, decide, exclusive=exclusive)
        return Answer(reply.status, reply.body)
