"""Commands with Idempotency-Keys, run as `commands.handling` runs them."""

from typing import Final, NamedTuple

from commands.handling import DECISIONS_MAX
from commands.ports import Answer, Answered, Claimed, Receipt, VersionConflict
from domain.errors import Conflict
from domain.ids import AccountId
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.idempotency import CassandraIdempotency
from tests import facts
from tests.cluster.faulty import Faults
from tests.cluster.log_world import World, followed

SCOPE: Final = str(facts.account("ada"))


def process(world: World, faults: Faults | None = None) -> "Process":
    log = world.process(faults)
    return Process(log, CassandraIdempotency(log, now_ms=lambda: world.ms), made=[])


class Process(NamedTuple):
    log: ClusterEventLog
    keys: CassandraIdempotency
    made: list[int]

    async def tweet(self, key: str) -> Answer:
        """A command that publishes, as `commands.handling` runs it."""
        claimed = await self.keys.claim(SCOPE, key, b"print")
        if isinstance(claimed, Answered):
            return claimed.answer
        event = facts.tweet("ada", "an unmistakable confession")
        answer = Answer(201, str(event.event_id).encode())
        try:
            await self.log.publish([event], receipt=Receipt(*claimed, answer))
        finally:
            await self.keys.release(claimed)
        return answer

    async def follow(self, key: str, target: AccountId) -> Answer:
        """A command that appends, and decides again when another one was first."""
        claimed = await self.keys.claim(SCOPE, key, b"print")
        if isinstance(claimed, Answered):
            return claimed.answer
        try:
            for _ in range(DECISIONS_MAX):
                try:
                    return await self._decide(claimed, target)
                except VersionConflict:
                    continue
            raise Conflict
        finally:
            await self.keys.release(claimed)

    async def _decide(self, claimed: Claimed, target: AccountId) -> Answer:
        append = followed(target, facts.account("ada"))
        newest = await self.log.latest(append.stream)
        version = 0 if newest is None else newest.version
        event_id = append.events[0].event_id
        self.made.append(event_id)
        answer = Answer(200, str(event_id).encode())
        receipt = Receipt(*claimed, answer)
        await self.log.append([append._replace(expected_version=version)], receipt=receipt)
        return answer
