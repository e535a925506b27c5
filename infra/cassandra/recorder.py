"""`eventsourcing`'s aggregate recorder on the log's tables, for aggregates of that library.

The library's interface blocks, so this has an event loop on a thread of its own.
"""

from collections.abc import Coroutine, Sequence
from typing import Any, Final, Self, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)

from infra.cassandra.kept import Kept
from infra.cassandra.log_tables import LogTables
from infra.cassandra.loop_thread import LoopThread
from infra.cassandra.streams import ALL, VERSION_MAX, Head, Streams
from projections.projection import StoreUnavailable

RACES_MAX: Final = 16
# Versions begin at 0 for some of the library's users.
FIRST_VERSIONS: Final = (0, 1)

T = TypeVar("T")


class CassandraRecorder(AggregateRecorder):
    """Implements the library's `AggregateRecorder`: a version is taken once, versions of an
    originator only grow, and events that are inserted together are there together.

    They are of one originator: nothing here follows up on several.
    """

    def __init__(self, host: str, port: int, keyspace: str, namespace: str) -> None:
        """Connect. Raises the library's OperationalError."""
        try:
            self._blocking = LoopThread(host, port, keyspace)
        except StoreUnavailable as error:
            raise OperationalError(str(error)) from error
        self._streams = Streams(LogTables(self._blocking.session, namespace))

    def create_table(self) -> None:
        """Make the tables that are missing."""
        self._wait(self._streams.create())

    def drop_table(self) -> None:
        """Remove the tables and all that is in them."""
        self._wait(self._streams.drop())

    def close(self) -> None:
        """Let the connections and the thread go."""
        self._blocking.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """See `AggregateRecorder.insert_events`. Raises IntegrityError, OperationalError."""
        if not stored_events:
            return
        if len({event.originator_id for event in stored_events}) > 1:
            raise ProgrammingError("Events of several originators are not inserted together")
        versions = [event.originator_version for event in stored_events]
        if versions != sorted(set(versions)):
            raise IntegrityError("Versions must grow")
        self._wait(self._insert([_kept(event) for event in stored_events]))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """See `AggregateRecorder.select_events`."""
        stream, first = str(originator_id), 0 if gt is None else gt + 1
        last, most = VERSION_MAX if lte is None else lte, ALL if limit is None else limit
        found = self._wait(
            self._streams.newest(stream, most, first=first, last=last)
            if desc
            else self._streams.rows(stream, first, last, limit=most)
        )
        return [StoredEvent(originator_id, row.version, row.name, row.state) for row in found]

    async def _insert(self, rows: Sequence[Kept]) -> None:
        first = rows[0].version
        # A guess, which is right for a new originator and for who knows the last version.
        head = Head(None if first in FIRST_VERSIONS else first - 1, None)
        for _ in range(RACES_MAX):
            try:
                seen = await self._streams.decide(rows, head=head.head, fence=head.fence)
            except StoreUnavailable:
                seen = await self._after_doubt(rows, head)
            if seen is None:
                return
            if seen.head is not None and seen.head >= first:
                raise IntegrityError(f"{rows[0].stream} has version {seen.head}")
            head = seen
        raise OperationalError(f"{rows[0].stream} is fought over")

    async def _after_doubt(self, rows: Sequence[Kept], tried: Head) -> Head | None:
        """What became of an attempt whose answer did not come; it cannot succeed any more."""
        stream, first = rows[0].stream, rows[0].version
        await self._streams.fence_off(stream, tried.fence)
        there = await self._streams.rows(stream, first, rows[-1].version, serial=True)
        return None if there == rows else await self._streams.standing(stream)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return self._blocking.wait(coroutine)
        except StoreUnavailable as error:
            raise OperationalError(str(error)) from error


def _kept(event: StoredEvent) -> Kept:
    """Only what the library has: it says nothing of topics and people."""
    return Kept(
        str(event.originator_id),
        event.originator_version,
        event_id=0,
        person_id=0,
        topic="",
        key=0,
        name=event.topic,
        state=event.state,
    )
