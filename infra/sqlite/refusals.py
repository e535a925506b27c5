"""What must be refused at once, exact at every moment: who is suspended, closed, blocked, muted,
and what is hidden.

The event log calls `committed` on its writer's thread after a group is durable and before its
commands are answered: no acknowledged block is ever overlooked. Small sets live in memory. Who
blocks and mutes whom lives in a file of its own, with the log's position that it is at, so that a
start need not read the whole log: it reads what came after that position. The file's commits are
not synced, which makes them cheap enough for the log's thread; what a crash takes from the file
the log still has. It is not in the log's file, because that one's transaction is the library's.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountMuted,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    AccountUnmuted,
    Fact,
    PostHidden,
    PostRestored,
    Recorded,
    RelationshipFact,
)
from domain.ids import AccountId, PostId
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.projection import StoreUnavailable

IdT = TypeVar("IdT")

READERS_KNOWN_MAX: Final = 65_536
EVENTS_BETWEEN_CHECKPOINTS: Final = 10_000
_PARTITION: Final = 0

# Following and unfollowing change neither a block nor a mute.
_REFUSING: Final[frozenset[type[Fact]]] = frozenset(
    {
        AccountBlocked,
        AccountUnblocked,
        AccountMuted,
        AccountUnmuted,
        AccountSuspended,
        AccountReinstated,
        AccountClosed,
        PostHidden,
        PostRestored,
    }
)


class _SetSuspended(NamedTuple):
    account_id: AccountId
    on: bool
    version: int


class _SetClosed(NamedTuple):
    account_id: AccountId


class _SetHidden(NamedTuple):
    post_id: PostId
    on: bool
    version: int


class _SetStanding(NamedTuple):
    """Between `account_id` and `other_id`: a block of either, and the mute of the first."""

    account_id: AccountId
    other_id: AccountId
    blocked: bool
    mutes: bool
    version: int


_Operation = _SetSuspended | _SetClosed | _SetHidden | _SetStanding

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
    _SetSuspended: (
        """INSERT INTO suspended VALUES (?, ?, ?) ON CONFLICT DO UPDATE
        SET live = excluded.live, version = excluded.version WHERE excluded.version > version""",
    ),
    _SetClosed: ("INSERT OR IGNORE INTO closed VALUES (?)",),
    _SetHidden: (
        """INSERT INTO hidden VALUES (?, ?, ?) ON CONFLICT DO UPDATE
        SET live = excluded.live, version = excluded.version WHERE excluded.version > version""",
    ),
    _SetStanding: (
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


_NOBODY: Final = _Around(frozenset(), frozenset())


class SqliteRefusals:
    """Implements `commands.ports.Refusals` and `read_api.ports.Refusals`.

    Make it before the event log that `feed` reads takes commands, and give the log `committed`.
    One thread calls that, any thread asks.
    """

    def __init__(self, path: Path, feed: SqliteFeed) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self._position = self._catch_up(feed)
        self._suspended: set[AccountId] = self._ids(
            "SELECT account_id FROM suspended WHERE live = 1"
        )
        self._closed: set[AccountId] = self._ids("SELECT account_id FROM closed")
        self._hidden: set[PostId] = self._ids("SELECT post_id FROM hidden WHERE live = 1")
        self._lock = threading.Lock()
        self._around: OrderedDict[AccountId, _Around] = OrderedDict()
        self._changes = 0
        # What the file could not take yet: it counts all the same.
        self._unwritten: tuple[_Operation, ...] = ()

    def suspended(self, account_id: AccountId) -> bool:
        """See `Refusals.suspended`."""
        return account_id in self._suspended

    def closed(self, account_id: AccountId) -> bool:
        """See `Refusals.closed`."""
        return account_id in self._closed

    def hidden(self, post_id: PostId) -> bool:
        """See `Refusals.hidden`."""
        return post_id in self._hidden

    def refused_of(self, account_ids: Iterable[AccountId]) -> Set[AccountId]:
        """See `read_api.ports.Refusals.refused_of`."""
        asked = set(account_ids)
        return (self._suspended & asked) | (self._closed & asked)

    def hidden_of(self, post_ids: Iterable[PostId]) -> Set[PostId]:
        """See `read_api.ports.Refusals.hidden_of`."""
        return self._hidden.intersection(post_ids)

    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]:
        """See `read_api.ports.Refusals.blocked_with`."""
        return self._around_of(reader_id).blocked_with

    def muted_by(self, reader_id: AccountId) -> frozenset[AccountId]:
        """See `read_api.ports.Refusals.muted_by`."""
        return self._around_of(reader_id).muted

    def committed(self, recorded: Sequence[Recorded]) -> None:
        """Take events that are durable now, in order. From now on they are enforced."""
        head = recorded[-1].position
        refusing = [one for one in recorded if type(one.event) in _REFUSING]
        if refusing or head - self._position >= EVENTS_BETWEEN_CHECKPOINTS:
            self._take(list(_operations(refusing)), head)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, operations: Sequence[_Operation], head: int) -> None:
        unwritten = self._write(operations, head)
        with self._lock:
            self._changes += 1
            self._unwritten = unwritten
            for operation in operations:
                self._remember(operation)

    def _write(self, operations: Sequence[_Operation], head: int) -> tuple[_Operation, ...]:
        """Bring the file to `head`; what it could not take stays for the next time."""
        waiting = (*self._unwritten, *operations)
        try:
            self._file.apply(waiting, {_PARTITION: head})
        except StoreUnavailable:
            return waiting
        self._position = head
        return ()

    def _remember(self, operation: _Operation) -> None:
        match operation:
            case _SetSuspended(account_id, on, _):
                _put(self._suspended, account_id, on=on)
            case _SetHidden(post_id, on, _):
                _put(self._hidden, post_id, on=on)
            case _SetClosed(account_id):
                self._closed.add(account_id)
            case _SetStanding():
                self._around.pop(operation.account_id, None)

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

    def _load(self, reader_id: AccountId, unwritten: Iterable[_Operation]) -> _Around:
        rows = self._file.reader.execute(_OF_READER, (reader_id,))
        latest = {row[1]: _SetStanding(*row) for row in rows}
        for operation in unwritten:
            if isinstance(operation, _SetStanding) and operation.account_id == reader_id:
                known = latest.get(operation.other_id)
                if known is None or operation.version > known.version:
                    latest[operation.other_id] = operation
        if not latest:
            return _NOBODY
        return _Around(
            frozenset(one.other_id for one in latest.values() if one.blocked),
            frozenset(one.other_id for one in latest.values() if one.mutes),
        )

    def _catch_up(self, feed: SqliteFeed) -> int:
        """Take what the log has behind the file's position; the position reached."""
        head = feed.head(_PARTITION)
        start = self._file.checkpoint().get(_PARTITION, 0)
        missed = _operations(feed.of_types(_REFUSING, start))
        self._file.apply(list(missed), {_PARTITION: head})
        return head

    def _ids(self, sql: str) -> set[Any]:
        return {row[0] for row in self._file.reader.execute(sql)}


def _put(ids: set[IdT], one: IdT, *, on: bool) -> None:
    if on:
        ids.add(one)
    else:
        ids.discard(one)


def _operations(recorded: Iterable[Recorded]) -> Iterator[_Operation]:
    for event, version, _, _ in recorded:
        match event:
            case AccountSuspended() | AccountReinstated():
                on = isinstance(event, AccountSuspended)
                yield _SetSuspended(event.account_id, on, version)
            case PostHidden() | PostRestored():
                yield _SetHidden(event.post_id, isinstance(event, PostHidden), version)
            case AccountClosed():
                yield _SetClosed(event.actor_id)
            case RelationshipFact():
                yield from _standings(event, version)
            case _:
                pass


def _standings(event: RelationshipFact, version: int) -> Iterator[_SetStanding]:
    """How the pair stands, seen from each of the two."""
    blocked = event.after.low.blocks or event.after.high.blocks
    for account_id, other_id in (
        (event.actor_id, event.target_id),
        (event.target_id, event.actor_id),
    ):
        mutes = event.standing_of(account_id).mutes
        yield _SetStanding(account_id, other_id, blocked, mutes, version)
