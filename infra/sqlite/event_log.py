"""The embedded event log: a single writer thread that group-commits concurrent commands.

While one group is being made durable the next one gathers, so the cost of an fsync is shared by
as many commands as wait for it.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from eventsourcing.persistence import PersistenceError, StoredEvent

from commands.ports import Append, Receipt, VersionConflict
from domain.errors import Unavailable
from domain.events import Event, Recorded
from domain.positions import EMBEDDED_LOG, Vector
from infra.sealed_answers import KEPT_MS
from infra.sqlite.connections import Readers
from infra.sqlite.receipts import ReceiptRow, to_row
from infra.sqlite.recorder import Conflict, Entry, GroupRecorder, Outcome
from streams.envelope import NO_ORIGIN, Codec, Origin

GROUP_MAX: Final = 1_000
WAITING_MAX: Final = 20_000
FORGET_EVERY_MS: Final = 3_600_000
TRY_AGAIN_S: Final = 1.0

log = logging.getLogger(__name__)

_SELECT: Final = (
    "SELECT topic, state, originator_version, rowid FROM stored_events WHERE originator_id=? "
)
Committed = Callable[[Sequence[Recorded]], None]


class _Job(NamedTuple):
    entry: Entry
    events: Sequence[tuple[Event, int]]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Outcome]"


class SqliteEventLog:
    """Implements `commands.ports.EventLog`. `on_commit` functions run on the writer's thread
    after a group is durable and before its commands are answered."""

    def __init__(
        self,
        path: Path,
        codec: Codec,
        *,
        on_commit: Iterable[Committed] = (),
        now_ms: Callable[[], int],
        origin: Callable[[], Origin] = lambda: NO_ORIGIN,
    ) -> None:
        self._codec = codec
        self._on_commit = tuple(on_commit)
        self._now_ms = now_ms
        self._origin = origin
        self._recorder = GroupRecorder(path)
        self._recorder.create_table()
        self._readers = Readers(path)
        self._head = int(self._recorder.max_notification_id() or 0)
        self._writable = True
        self._forget_at_ms = 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    @property
    def head(self) -> int:
        """Position of the newest durable event; 0 for an empty log."""
        return self._head

    @property
    def writable(self) -> bool:
        """Whether the last commit succeeded (a new log counts as writable). After one that failed
        it is tried each second: who is told that it is not writable may send no command."""
        return self._writable

    async def publish(self, events: Sequence[Event], *, receipt: Receipt | None = None) -> Vector:
        """See `EventLog.publish`."""
        versioned = [(event, int(event.event_id)) for event in events]
        return await self._submit(versioned, (), receipt)

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        """See `EventLog.append`."""
        versioned = [
            (event, append.expected_version + 1 + n)
            for append in appends
            for n, event in enumerate(append.events)
        ]
        expected = [(append.stream, append.expected_version) for append in appends]
        return await self._submit(versioned, expected, receipt)

    async def keep(self, receipt: Receipt) -> None:
        """Make an answer durable that came without events."""
        await self._submit([], (), receipt)

    async def latest(self, stream: str) -> Recorded | None:
        """See `EventLog.latest`."""
        sql = _SELECT + "ORDER BY originator_version DESC LIMIT 1"
        row = self._readers.get().execute(sql, (stream,)).fetchone()
        return None if row is None else self._recorded(row)

    async def history(self, stream: str) -> Sequence[Recorded]:
        """See `EventLog.history`."""
        sql = _SELECT + "ORDER BY originator_version"
        return [self._recorded(row) for row in self._readers.get().execute(sql, (stream,))]

    def close(self) -> None:
        """Finish what was accepted, then stop the writer."""
        self._jobs.put(None)
        self._writer.join()
        self._readers.close()
        self._recorder.datastore.close()

    def _recorded(self, row: tuple[str, bytes, int, int]) -> Recorded:
        name, state, version, position = row
        return Recorded(self._codec.decode(name, state), version, position)

    async def _submit(
        self,
        versioned: Sequence[tuple[Event, int]],
        expected: Sequence[tuple[str, int]],
        receipt: Receipt | None,
    ) -> Vector:
        if self._jobs.qsize() > WAITING_MAX:
            raise Unavailable("Too many commands are waiting for the log")
        stored = [self._stored(event, version) for event, version in versioned]
        kept = None if receipt is None else self._kept(receipt)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        self._jobs.put(_Job(Entry(stored, expected, kept), versioned, loop, done))
        outcome = await done
        if isinstance(outcome, Conflict):
            raise VersionConflict(outcome.stream)
        return {EMBEDDED_LOG: max(outcome, default=self._head)}

    def _stored(self, event: Event, version: int) -> StoredEvent:
        name, state = self._codec.encode(event, self._origin())
        return StoredEvent(event.stream, version, name, state)

    def _kept(self, receipt: Receipt) -> ReceiptRow:
        return to_row(receipt, self._codec.keyring, now_ms=self._now_ms())

    def _write(self) -> None:
        while (first := self._next_job()) is not None:
            group = [first]
            closing = False
            while len(group) < GROUP_MAX:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    closing = True
                    break
                group.append(job)
            self._commit(group)
            self._forget_old_receipts()
            if closing:
                return

    def _next_job(self) -> _Job | None:
        while not self._writable:
            try:
                return self._jobs.get(timeout=TRY_AGAIN_S)
            except queue.Empty:
                self._try_again()
        return self._jobs.get()

    def _try_again(self) -> None:
        try:
            self._recorder.commit_nothing()
        except PersistenceError:
            return
        self._succeeded()

    def _commit(self, group: Sequence[_Job]) -> None:
        try:
            outcomes = self._recorder.insert_group([job.entry for job in group])
        except PersistenceError as error:
            self._failed(error)
            _resolve(group, [Unavailable(f"The log cannot be written: {error}")] * len(group))
            return
        self._succeeded()
        fresh = [
            recorded
            for job, outcome in zip(group, outcomes, strict=True)
            if not isinstance(outcome, Conflict)
            for recorded in self._fresh(job, outcome)
        ]
        if fresh:
            self._head = fresh[-1].position
            for committed in self._on_commit:
                committed(fresh)
        _resolve(group, outcomes)

    def _failed(self, error: PersistenceError) -> None:
        if self._writable:
            self._writable = False
            log.error("The log cannot be written: %s", error)

    def _succeeded(self) -> None:
        if not self._writable:
            self._writable = True
            log.warning("The log can be written again")

    def _forget_old_receipts(self) -> None:
        now_ms = self._now_ms()
        if now_ms < self._forget_at_ms:
            return
        self._forget_at_ms = now_ms + FORGET_EVERY_MS
        try:
            self._recorder.drop_receipts(now_ms - KEPT_MS)
        except PersistenceError as error:
            log.warning("Old answers of Idempotency-Keys could not be dropped: %s", error)

    def _fresh(self, job: _Job, positions: Sequence[int]) -> Iterable[Recorded]:
        """The job's events as recorded; none for a repetition, whose positions are old."""
        return [
            Recorded(event, version, position)
            for (event, version), position in zip(job.events, positions, strict=True)
            if position > self._head
        ]


def _resolve(group: Sequence[_Job], outcomes: Sequence[Any]) -> None:
    """Wake the commands: one call into each event loop for the whole group."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Outcome], Any]]] = {}
    for job, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(job.loop, []).append((job.done, outcome))
    for loop, settled in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Iterable[tuple["asyncio.Future[Outcome]", Any]]) -> None:
    for done, outcome in settled:
        if done.done():
            continue
        if isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)
