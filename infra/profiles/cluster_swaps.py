"""Which generation of a projection answers, changed for all processes of an installation.

The row in PostgreSQL is what is changed here; workers and serving processes see it and do as it
says (`workers`, `cluster_generations`).
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from commands.ports import Steer
from domain.errors import Conflict, NotFound, Unavailable
from infra.generations import Generation, covers
from infra.kafka.groups import KafkaGroups
from infra.postgresql.dead_letters import PostgresqlDeadLetters
from infra.postgresql.generations import PostgresqlGenerations
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_stores import made, prepared
from infra.replay_desk import cancelled, left_alone, steer
from infra.settings import Settings
from infra.steering import Steered
from projections.projection import Projection, StoreUnavailable
from streams.dead_letters import Build
from streams.registry import projection_named

LOOK_EVERY_S: Final = 0.1
# Who does not move on for so long is not going to: a new group meets within a few seconds, and
# a worker that died leaves its group after six.
PATIENCE_S: Final = 60.0

log = logging.getLogger("starling")


class ClusterSwaps:
    """Each method returns when it is done. All raise StoreUnavailable, also of Kafka where it is a
    swap, and Unavailable where workers do not do their part in time: then nothing is swapped or
    lost, and asking again goes on."""

    def __init__(
        self,
        known: PostgresqlGenerations,
        groups: KafkaGroups,
        letters: PostgresqlDeadLetters,
        clients: Clients,
        settings: Settings,
    ) -> None:
        self.known = known
        self._letters = letters
        self._groups = groups
        self._clients = clients
        self._settings = settings

    async def adopt(self, name: str) -> Generation:
        """Let the generation answer that was filled. Raises NotFound, Conflict."""
        projection = projection_named(name)
        coming = await self._coming(projection)
        if coming is None:
            raise NotFound(f"No generation of {name} was built")
        if coming.state == "building":
            raise Conflict(f"Generation {coming.number} of {name} is not whole yet")
        return await self._swap(projection, coming)

    async def rollback(self, name: str) -> Generation:
        """Let the generation answer again that was live before. Raises NotFound."""
        projection = projection_named(name)
        kept = [one for one in await self.known.of(projection) if one.state == "kept"]
        if not kept:
            raise NotFound(f"No earlier generation of {name} is kept")
        return await self._swap(projection, kept[-1])

    async def steer(
        self, name: str, how: Steer, per_s_max: float | None = None, number: int | None = None
    ) -> Steered:
        """See `Generations.steer`."""
        projection, orders = projection_named(name), self.known.orders
        if how != "cancel":
            return await steer(orders, projection, how, per_s_max, number)
        found = await cancelled(orders, projection, await self._coming(projection), number)
        one = found.generation
        async with left_alone(partial(self.known.alone, projection)):
            if one[:3] in [other[:3] for other in await self.known.of(projection)]:
                if not await self.known.mark(one, "dropped"):
                    raise Conflict(f"Generation {one.number} of {name} answers already")
                await self._drop(projection, one)
                await self.known.forget(one)
            await orders.end(one)
        return found

    async def prune(self, name: str) -> Sequence[Generation]:
        """Drop all that are not live, and those of earlier versions that no worker follows the log
        with; those that were dropped. Raises NotFound, AlreadyBuilt."""
        projection = projection_named(name)
        async with self.known.alone(projection):
            older = await self._left(projection)
            for one in older:
                await self._drop(replace(projection, version=one.version), one)
                await self.known.forget_older(one)
            known = await self.known.of(projection)
            dropped = [one for one in known if await self.known.mark(one, "dropped")]
            for one in dropped:
                await self._drop(projection, one)
                await self.known.forget(one)
        return [*older, *dropped]

    async def _coming(self, projection: Projection) -> Generation | None:
        """The one that is to answer next: it is being built, or was."""
        known = await self.known.of(projection)
        return next((one for one in known if one.state in {"building", "filled"}), None)

    async def _left(self, projection: Projection) -> Sequence[Generation]:
        """Those of earlier versions, if no program that has that version works any more."""
        left: dict[int, list[Generation]] = {}
        for one in await self.known.older(projection):
            left.setdefault(one.version, []).append(one)
        for version, known in list(left.items()):
            of_version = replace(projection, version=version)
            groups = [self._clients.names.group(of_version, one.number) for one in known]
            if not all([await self._groups.is_left(group) for group in groups]):
                log.warning("Version %d of %s is still followed", version, projection.name)
                del left[version]
        return [one for known in left.values() for one in known]

    async def _drop(self, projection: Projection, one: Generation) -> None:
        """Its workers first: what they write later would be there for ever."""
        group = self._clients.names.group(projection, one.number)
        began = time.monotonic()
        while not await self._groups.is_left(group):
            if time.monotonic() - began > PATIENCE_S:
                raise Unavailable(f"Workers still follow the log with {group}")
            await asyncio.sleep(LOOK_EVERY_S)
        store = await self._store(projection, one)
        while True:
            try:
                await store.drop()
                break
            except StoreUnavailable:
                # To drop tables may take longer than any request of an engine is given.
                if time.monotonic() - began > PATIENCE_S:
                    raise
                await asyncio.sleep(LOOK_EVERY_S)
        await self._letters.forget(Build(*one[:3]))

    async def _swap(self, projection: Projection, to: Generation) -> Generation:
        live = await self.known.live(projection)
        store, before = await self._store(projection, to), await self._store(projection, live)
        # Where nobody has served or followed the log yet there is nothing of it.
        await before.create()
        await self._followed(projection, live, to)
        await self._level(store, before, to)
        # What takes long first: the second time there is little that is new.
        for _ in range(2):
            await prepared(store, before)
        await self._level(store, before, to)
        await self.known.swap(to)
        return to._replace(state="live")

    async def _followed(self, projection: Projection, live: Generation, to: Generation) -> None:
        """Return once workers follow the log with it, if any do with the live one."""
        began = time.monotonic()
        while await self._members(projection, live):
            if await self._members(projection, to):
                return
            if time.monotonic() - began > PATIENCE_S:
                raise Unavailable(f"No worker follows the log with generation {to.number}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _members(self, projection: Projection, one: Generation) -> int:
        """How many workers follow the log with it."""
        try:
            return await self._groups.members(self._clients.names.group(projection, one.number))
        except Unavailable as error:
            # An outage like any other's, which is not told from late workers otherwise.
            raise StoreUnavailable(str(error)) from error

    async def _level(self, store: Any, before: Any, to: Generation) -> None:
        """Return once it has what the live one has."""
        position, moved = -1, time.monotonic()
        while True:
            needed: Mapping[int, int] = await before.checkpoint()
            reached: Mapping[int, int] = await store.checkpoint()
            if covers(reached, needed):
                return
            now = time.monotonic()
            if sum(reached.values()) > position:
                position, moved = sum(reached.values()), now
            elif now - moved > PATIENCE_S:
                raise Unavailable(f"Generation {to.number} does not get what the live one has")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _store(self, projection: Projection, one: Generation) -> Any:
        return await made(projection, self._clients, self._settings, generation=one.number)


def swaps_of(log: ClusterLog, settings: Settings) -> ClusterSwaps:
    """Those of an installation."""
    groups = KafkaGroups(log.servers)
    return ClusterSwaps(log.generations(), groups, log.dead_letters(), log.clients, settings)
