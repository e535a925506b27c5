"""What must be refused at once, exact at every moment: who is suspended, closed, blocked, muted,
and what is hidden.

The embedded log calls `committed` on its writer's thread after a group is durable and before its
commands are answered: no acknowledged block is ever overlooked. Small sets live in memory. Who
blocks and mutes whom lives in a file of its own, with the log's positions that it is at, so that a
start need not read the whole log: it reads what came after those. The file's commits are not
synced, which makes them cheap enough for the log's thread; what a crash takes from the file the log
still has. It is not in the log's file, because that one's transaction is the library's.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from domain.events import Recorded
from domain.ids import AccountId, PostId
from infra.sqlite.feed import PARTITION, SqliteFeed
from infra.sqlite.projection_file import ProjectionFile, Statements
from infra.sqlite.refusing_events import (
    REFUSING,
    Refusing,
    SetClosed,
    SetHidden,
    SetStanding,
    SetSuspended,
    refusing,
)
from projections.projection import StoreUnavailable

IdT = TypeVar("IdT")

READERS_KNOWN_MAX: Final = 65_536
EVENTS_BETWEEN_CHECKPOINTS: Final = 10_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS suspended (
    account_id INTEGER PRIMARY KEY, live INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS closed (account_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS hidden (
    post_id INTEGER PRIMARY KEY, live INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS standings (
    account_id INTEGER NOT NULL, other_id INTEGER NOT NULL, blocked INTEGER NOT NULL,
    mutes INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (account_id, other_id)) WITHOUT ROWID;
"""
_STATEMENTS: Final[Statements] = {
    SetSuspended: (
        """INSERT INTO suspended VALUES (?, ?, ?) ON CONFLICT DO UPDATE
        SET live = excluded.live, version = excluded.version WHERE excluded.version > version""",
    ),
    SetClosed: ("INSERT OR IGNORE INTO closed VALUES (?)",),
    SetHidden: (
        """INSERT INTO hidden VALUES (?, ?, ?) ON CONFLICT DO UPDATE
        SET live = excluded.live, version = excluded.version WHERE excluded.version > version""",
    ),
    SetStanding: (
        """INSERT INTO standings VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
        SET blocked = excluded.blocked, mutes = excluded.mutes, version = excluded.version
        WHERE excluded.version > version""",
    ),
}
_OF_READER: Final = (
    "SELECT account_id, other_id, blocked, mutes, version FROM standings WHERE account_id = ?"
)


class _Around(NamedTuple):
    blocked_with: frozenset[AccountId]
    muted: frozenset[AccountId]


_NOBODY: Final = frozenset[AccountId]()
_NOBODY_AROUND: Final = _Around(_NOBODY, _NOBODY)


class SqliteRefusals:
    """Implements `commands.ports.Refusals` and `read_api.ports.Refusals`.

    One thread at a time tells it what happened, any thread asks.
    """

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self._reached = self._file.checkpoint()
        self._suspended: set[AccountId] = self._ids(
            "SELECT account_id FROM suspended WHERE live = 1"
        )
        self._closed: set[AccountId] = self._ids("SELECT account_id FROM closed")
        self._hidden: set[PostId] = self._ids("SELECT post_id FROM hidden WHERE live = 1")
        self._versions: dict[tuple[type, int], int] = {
            **{(SetSuspended, one): v for one, v in self._rows("suspended", "account_id")},
            **{(SetHidden, one): v for one, v in self._rows("hidden", "post_id")},
        }
        self._lock = threading.Lock()
        self._around: OrderedDict[AccountId, _Around] = OrderedDict()
        self._changes = 0
        # What the file could not take yet: it counts all the same.
        self._unwritten: tuple[Refusing, ...] = ()

    def suspended(self, account_id: AccountId) -> bool:
        """See `Refusals.suspended`."""
        return account_id in self._suspended

    def closed(self, account_id: AccountId) -> bool:
        """See `Refusals.closed`."""
        return account_id in self._closed

    def hidden(self, post_id: PostId) -> bool:
        """See `Refusals.hidden`."""
        return post_id in self._hidden

    def refused_of(self, account_ids: Collection[AccountId]) -> Set[AccountId]:
        """See `read_api.ports.Refusals.refused_of`."""
        suspended, closed = self._suspended, self._closed
        if suspended.isdisjoint(account_ids) and closed.isdisjoint(account_ids):
            return _NOBODY  # as next to always
        return suspended.intersection(account_ids) | closed.intersection(account_ids)

    def hidden_of(self, post_ids: Iterable[PostId]) -> Set[PostId]:
        """See `read_api.ports.Refusals.hidden_of`."""
        return self._hidden.intersection(post_ids)

    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]:
        """See `read_api.ports.Refusals.blocked_with`."""
        return self._around_of(reader_id).blocked_with

    def muted_by(self, reader_id: AccountId) -> frozenset[AccountId]:
        """See `read_api.ports.Refusals.muted_by`."""
        return self._around_of(reader_id).muted

    @property
    def reached(self) -> Mapping[int, int]:
        """Partition -> position up to which the log was taken."""
        return self._reached

    def catch_up(self, feed: SqliteFeed) -> None:
        """Take what an embedded log has that came behind `reached`: before it takes commands."""
        head = feed.head(PARTITION)
        missed = feed.of_types(REFUSING, self._reached.get(PARTITION, 0))
        self._take(list(refusing(missed)), {PARTITION: head})

    def committed(self, recorded: Sequence[Recorded]) -> None:
        """Take the next events of a partition, in order. From now on they are enforced."""
        partition, head = recorded[-1].partition, recorded[-1].position
        operations = list(refusing(recorded))
        behind = head - self._reached.get(partition, 0)
        if operations or behind >= EVENTS_BETWEEN_CHECKPOINTS:
            self._take(operations, {partition: head})

    def enforce(self, recorded: Sequence[Recorded]) -> None:
        """Take events at once that `committed` will bring again in their turn."""
        operations = list(refusing(recorded))
        if operations:
            self._take(operations, {})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, operations: Sequence[Refusing], reached: Mapping[int, int]) -> None:
        unwritten = self._write(operations, reached)
        with self._lock:
            self._changes += 1
            self._unwritten = unwritten
            for operation in operations:
                self._remember(operation)

    def _write(
        self, operations: Sequence[Refusing], reached: Mapping[int, int]
    ) -> tuple[Refusing, ...]:
        """Bring the file to where the log is; what it could not take stays for the next time."""
        waiting = (*self._unwritten, *operations)
        try:
            self._file.apply(waiting, reached)
        except StoreUnavailable:
            return waiting
        self._reached = {**self._reached, **reached}
        return ()

    def _remember(self, operation: Refusing) -> None:
        match operation:
            case SetSuspended(account_id, on, version):
                if self._is_news(SetSuspended, account_id, version):
                    _put(self._suspended, account_id, on=on)
            case SetHidden(post_id, on, version):
                if self._is_news(SetHidden, post_id, version):
                    _put(self._hidden, post_id, on=on)
            case SetClosed(account_id):
                self._closed.add(account_id)
            case SetStanding():
                self._around.pop(operation.account_id, None)

    def _is_news(self, kind: type, about: int, version: int) -> bool:
        """Whether nothing newer was enforced already."""
        if version <= self._versions.get((kind, about), 0):
            return False
        self._versions[kind, about] = version
        return True

    def _around_of(self, reader_id: AccountId) -> _Around:
        with self._lock:
            known = self._around.get(reader_id)
            if known is not None:
                self._around.move_to_end(reader_id)
                return known
            changes, unwritten = self._changes, self._unwritten
        loaded = self._load(reader_id, unwritten)
        with self._lock:
            # What changed meanwhile may not be in what was loaded: good for now, not for later.
            if changes == self._changes:
                self._around[reader_id] = loaded
                if len(self._around) > READERS_KNOWN_MAX:
                    self._around.popitem(last=False)
        return loaded

    def _load(self, reader_id: AccountId, unwritten: Iterable[Refusing]) -> _Around:
        rows = self._file.reader.execute(_OF_READER, (reader_id,))
        latest = {row[1]: SetStanding(*row) for row in rows}
        for operation in unwritten:
            if isinstance(operation, SetStanding) and operation.account_id == reader_id:
                known = latest.get(operation.other_id)
                if known is None or operation.version > known.version:
                    latest[operation.other_id] = operation
        if not latest:
            return _NOBODY_AROUND
        return _Around(
            frozenset(one.other_id for one in latest.values() if one.blocked),
            frozenset(one.other_id for one in latest.values() if one.mutes),
        )

    def _rows(self, table: str, key: str) -> Iterable[tuple[int, int]]:
        return self._file.reader.execute(f"SELECT {key}, version FROM {table}")  # noqa: S608

    def _ids(self, sql: str) -> set[Any]:
        return {row[0] for row in self._file.reader.execute(sql)}


def _put(ids: set[IdT], one: IdT, *, on: bool) -> None:
    if on:
        ids.add(one)
    else:
        ids.discard(one)
