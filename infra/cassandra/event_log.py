"""The cluster's event log: Kafka holds what is published, Cassandra decides what is appended."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

from commands.ports import AlreadyAnswered, Answered, Append, Receipt, VersionConflict
from domain.errors import KeyInProgress, Unavailable
from domain.events import Event, Recorded
from domain.positions import Vector, merge
from infra.cassandra import intents
from infra.cassandra.appending import Appending, Producer
from infra.cassandra.intents import Intents
from infra.cassandra.joined_writes import JoinedWrites
from infra.cassandra.kept import (
    UNINDEXED,
    Encoding,
    Entry,
    Kept,
    Placed,
    is_register,
    kind_of,
    vector_of,
)
from infra.cassandra.log_tables import LogTables
from infra.cassandra.receipts import Receipts, Row
from infra.cassandra.registers import Indexed, Registers
from infra.cassandra.relay import Relay
from infra.cassandra.session import CassandraSession
from infra.cassandra.streams import VERSION_MAX, Streams
from projections.projection import StoreUnavailable
from streams.envelope import NO_ORIGIN, Codec, Origin

_STREAM: Final = "stream:"
Committed = Callable[[Sequence[Recorded]], None]


class Keyed(NamedTuple):
    """A key that stands for events, and under which owner's name."""

    scope: str
    key: str
    owner: str


class ClusterEventLog:
    """Implements `commands.ports.EventLog`. `on_commit` functions are called before a command is
    answered, with its events; the position of one that is not in its topic yet is 0.

    `namespace` begins the names of all tables. Used on one event loop.
    """

    def __init__(
        self,
        session: CassandraSession,
        namespace: str,
        producer: Producer,
        codec: Codec,
        *,
        on_commit: Iterable[Committed] = (),
        now_ms: Callable[[], int],
        origin: Callable[[], Origin] = lambda: NO_ORIGIN,
    ) -> None:
        self._encoding = Encoding(codec)
        self._writable = True
        self._producer = producer
        self._on_commit = tuple(on_commit)
        self._origin = origin
        tables = LogTables(session, namespace)
        joined = JoinedWrites(tables)
        self._streams = Streams(tables, joined)
        self._registers = Registers(tables, joined)
        self.intents = Intents(tables, joined, now_ms=now_ms)
        self.appending = Appending(self._streams, self.intents, producer)
        self.relay = Relay(self.intents, self.appending)
        self.receipts = Receipts(tables, self._encoding, joined, now_ms=now_ms)
        self._parts = (self._streams, self._registers, self.intents, self.receipts)

    async def create(self) -> None:
        """Make the tables that are missing. Raises StoreUnavailable."""
        for part in self._parts:
            await part.create()

    async def drop(self) -> None:
        """Remove every table, and with them the truth. Raises StoreUnavailable."""
        for part in self._parts:
            await part.drop()

    async def close(self) -> None:
        """Stop what runs in the background; session and producer are the caller's."""
        await self._registers.close()

    @property
    def writable(self) -> bool:
        """Whether the last command could be recorded (a new log counts as writable)."""
        return self._writable

    async def publish(self, events: Sequence[Event], *, receipt: Receipt | None = None) -> Vector:
        """See `EventLog.publish`."""
        async with unavailable():
            entry = await self._encoding.published(events, self._origin())
            return await self._record(entry, events, receipt)

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        """See `EventLog.append`. Unless it fails it is decided: its events reach their topics,
        if not now then by the relay."""
        async with unavailable():
            entry = await self._encoding.appended(appends, self._origin())
            events = [event for append in appends for event in append.events]
            return await self._record(entry, events, receipt)

    async def latest(self, stream: str) -> Recorded | None:
        """See `EventLog.latest`. Positions of appended events are not told."""
        async with unavailable():
            if is_register(stream):
                register = await self._registers.latest(_indexed(stream))
                found = [] if register is None else [register]
                return next(iter(await self._registered(found)), None)
            newest = await self._streams.last(stream)
            return next(iter(await self._encoding.recorded(newest)), None)

    async def history(self, stream: str) -> Sequence[Recorded]:
        """See `EventLog.history`. Positions of appended events are not told."""
        async with unavailable():
            if is_register(stream):
                return await self._registered(await self._registers.history(_indexed(stream)))
            return await self._encoding.recorded(await self._streams.rows(stream, 0, VERSION_MAX))

    async def keep(self, receipt: Receipt) -> None:
        """Keep an answer that came without events. Raises AlreadyAnswered, KeyReused,
        KeyInProgress, Unavailable."""
        async with unavailable():
            await self._answer_with(receipt, None)

    async def repeated(self, scope: str, key: str, row: Row) -> Answered:
        """What a key told; its events are recorded again, once, where nobody noted that they were.

        Raises VersionConflict (they were not, and never will be), KeyInProgress (it told nothing
        yet), KeyReused, Unavailable.
        """
        if row.answer is None:
            raise KeyInProgress
        async with unavailable():
            vector = await self._effect(scope, key, row)
            return Answered(await self.receipts.answer(scope, row.answer), vector)

    async def located(self, vector: Vector) -> Vector:
        """The vector with streams replaced by positions in topics, where they are published."""
        known: list[Vector] = []
        async with unavailable():
            for name, position in vector.items():
                stream = name.removeprefix(_STREAM)
                if stream == name:
                    known.append({name: position})
                    continue
                newest = await self._streams.newest(stream, 1, last=position)
                placed = await self._streams.places(newest)
                known.append(vector_of(newest, placed) or {name: position})
        return merge(known)

    async def _record(
        self, entry: Entry, events: Sequence[Event], receipt: Receipt | None
    ) -> Vector:
        if receipt is None:
            return await self._record_new(entry, events)
        owner = await self._answer_with(receipt, entry)
        return await self._record_new(entry, events, Keyed(receipt.scope, receipt.key, owner))

    async def _answer_with(self, receipt: Receipt, entry: Entry | None) -> str:
        """Let the key stand for the answer and these events from now on: under which owner's name.
        Raises AlreadyAnswered."""
        scope, key = receipt.scope, receipt.key
        row, is_ours = await self.receipts.put(receipt, entry)
        if is_ours:
            return row.owner
        try:
            answered = await self.repeated(scope, key, row)
        except VersionConflict:
            row, _ = await self.receipts.put(receipt, entry, over=row.owner)
            return row.owner
        raise AlreadyAnswered(answered)

    async def _effect(self, scope: str, key: str, row: Row) -> Vector:
        if row.entry is None:
            return {}
        vector = await self.receipts.done_at(scope, key, row.owner)
        if vector is None:
            recorded, placed = await self._put(row.entry, Keyed(scope, key, row.owner))
            events = [one.event for one in await self._encoding.recorded(recorded.kept)]
            self._committed(recorded.kept, events, placed)
            vector = vector_of(recorded.kept, placed)
        return vector

    async def _record_new(
        self, entry: Entry, events: Sequence[Event], keyed: Keyed | None = None
    ) -> Vector:
        recorded, placed = await self._put(entry, keyed)
        self._committed(recorded.kept, events, placed)
        return vector_of(recorded.kept, placed)

    async def _put(self, entry: Entry, keyed: Keyed | None) -> tuple[Entry, Placed]:
        try:
            recorded = await self._record_once(entry, keyed)
        except (Unavailable, StoreUnavailable):
            self._writable = False
            raise
        self._writable = True
        return recorded

    async def _record_once(self, entry: Entry, keyed: Keyed | None) -> tuple[Entry, Placed]:
        if not entry.appended:
            return entry, await self._publish(entry, keyed)
        recorded, placed = await self.appending.append(entry)
        if keyed is not None:
            with suppress(StoreUnavailable):
                await self.receipts.done(*keyed, vector_of(recorded.kept, placed))
        return recorded, placed

    async def _publish(self, entry: Entry, keyed: Keyed | None) -> Placed:
        """All or none: of several events an intent is left to whoever comes after a crash."""
        several = len(entry.kept) > 1
        written = await self.intents.write(intents.publishing(entry)) if several else None
        where = await self._producer.produce([one.record for one in entry.kept])
        ids = (one.event_id for one in entry.kept)
        placed = dict(zip(ids, where, strict=True))
        vector = vector_of(entry.kept, placed)
        note = [] if keyed is None else [self.receipts.noting(*keyed, vector)]
        await self._registers.index(entry.kept, placed, note)
        if written is not None:
            with suppress(StoreUnavailable):
                await self.intents.remove(written)
        return placed

    async def _registered(self, found: Sequence[Indexed]) -> list[Recorded]:
        events = await self._encoding.recorded([one.kept for one in found])
        return [
            event._replace(partition=one.place.number, position=one.offset + 1)
            for event, one in zip(events, found, strict=True)
        ]

    def _committed(self, kept: Sequence[Kept], events: Sequence[Event], placed: Placed) -> None:
        if not self._on_commit:
            return
        by_id: dict[int, Event] = {event.event_id: event for event in events}
        group = [_recorded(by_id[one.event_id], one, placed) for one in kept]
        for committed in self._on_commit:
            committed(group)


def _recorded(event: Event, kept: Kept, placed: Placed) -> Recorded:
    where = placed.get(event.event_id)
    if where is None:
        return Recorded(event, kept.version, 0)
    place, offset = where
    return Recorded(event, kept.version, offset + 1, place.number)


def _indexed(register: str) -> str:
    if kind_of(register) in UNINDEXED:
        raise ValueError(f"{register} is not indexed: no decision asks for it")
    return register


@asynccontextmanager
async def unavailable() -> AsyncIterator[None]:
    """Tell an outage of Cassandra in the write side's words."""
    try:
        yield
    except StoreUnavailable as error:
        raise Unavailable(f"The log cannot be reached: {error}") from error
