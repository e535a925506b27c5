"""A log whose processes come and go, and commands to give them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

from commands.ports import Append, VersionConflict
from domain.errors import Unavailable
from domain.events import (
    AccountClosed,
    AccountFollowed,
    AccountOpened,
    HandleClaimed,
    HandleReleased,
    PairState,
    Profile,
    ProfileChanged,
    Standing,
)
from domain.ids import AccountId, EventId
from domain.positions import Vector
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.intents import SLOT_MS
from infra.cassandra.session import CassandraSession
from infra.stamps import wall_clock_ms
from tests import facts
from tests.cluster import cassandra_log
from tests.cluster.faulty import Crash, Faults, FaultySession, FaultyTopics, NoTopics, Topics
from tests.cluster.local import LocalCluster

_accounts = count(1)


class World:
    """The engines; processes that come and go; a clock that is put forward."""

    def __init__(self, session: CassandraSession) -> None:
        self.session = session
        self.topics = Topics()
        self.ms = wall_clock_ms()

    def process(self, faults: Faults | None = None) -> ClusterEventLog:
        if faults is None:
            return cassandra_log.log_on(self.session, self.topics, now_ms=lambda: self.ms)
        return cassandra_log.log_on(
            FaultySession(self.session, faults),
            FaultyTopics(self.topics, faults),
            now_ms=lambda: self.ms,
        )

    async def relayed(self) -> int:
        """Another process does what was left; then nothing must be left."""
        self.ms += 4 * SLOT_MS
        found = await self.process().relay.catch_up()
        rows = await self.session.execute(f"SELECT * FROM {cassandra_log.NAMESPACE}_intents")  # noqa: S608
        assert rows == []
        return found


@asynccontextmanager
async def new_world(made: LocalCluster) -> AsyncIterator[World]:
    async with cassandra_log.session_on(made) as session:
        await cassandra_log.empty(session)
        world = World(session)
        await world.process().create()
        yield world


def unpublished(world: World) -> ClusterEventLog:
    """A process that Kafka does not answer."""
    return cassandra_log.log_on(world.session, NoTopics(), now_ms=lambda: world.ms)


def somebody() -> AccountId:
    return AccountId(facts.account("ada") + next(_accounts))


def followed(actor: AccountId, target: AccountId) -> Append:
    event = AccountFollowed(
        event_id=facts.event_id(),
        actor_id=actor,
        target_id=target,
        after=PairState(low=Standing(follows=True)),
    )
    return Append(event.stream, 0, (event,))


def claimed(account: AccountId, handle: str, version: int = 0) -> Append:
    event = HandleClaimed(event_id=facts.event_id(), actor_id=account, handle_key=handle)
    return Append(event.stream, version, (event,))


def opened(account: AccountId, handle: str) -> Append:
    event = AccountOpened(
        event_id=EventId(account),
        actor_id=account,
        handle_key=handle,
        personal=Profile("a", "A", ""),
    )
    return Append(event.stream, 0, (event,))


def signed_up(account: AccountId, version: int = 0) -> list[Append]:
    handle = f"of-{account}"
    return [claimed(account, handle, version), opened(account, handle)]


def closed(account: AccountId) -> list[Append]:
    gone = AccountClosed(event_id=facts.event_id(), actor_id=account)
    handle = f"of-{account}"
    free = HandleReleased(event_id=facts.event_id(), actor_id=account, handle_key=handle)
    return [Append(gone.stream, 1, (gone,)), Append(free.stream, 1, (free,))]


def edited(account: AccountId, *, after: int) -> list[Append]:
    """Two events at once."""
    events = tuple(
        ProfileChanged(
            event_id=facts.event_id(), actor_id=account, personal=Profile("a", "A", str(n))
        )
        for n in range(2)
    )
    return [Append(events[0].stream, after, events)]


async def attempt(log: ClusterEventLog, appends: Sequence[Append]) -> Vector | Exception:
    try:
        return await log.append(appends)
    except (Crash, Unavailable, VersionConflict) as error:
        return error


async def decided(log: ClusterEventLog, appends: Sequence[Append]) -> Vector | Exception:
    """What becomes of it in the end. Cassandra on a busy machine may say that it cannot tell; to
    try the same again changes nothing."""
    while isinstance(outcome := await attempt(log, appends), Unavailable):
        pass
    return outcome


async def recorded(world: World, appends: Sequence[Append]) -> list[bool]:
    """Of each event whether the log has it; it must not have it twice."""
    log = world.process()
    found = []
    for append in appends:
        ids = [one.event.event_id for one in await log.history(append.stream)]
        assert len(set(ids)) == len(ids)
        found += [event.event_id in ids for event in append.events]
    return found


def events_of(appends: Sequence[Append]) -> list[tuple[str, int]]:
    return [
        (append.stream, append.expected_version + n)
        for append in appends
        for n in range(1, 1 + len(append.events))
    ]
