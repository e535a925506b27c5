"""Notifications in Cassandra.

What somebody is told is a row of a list, one list for each kind. A register (what a text is to
somebody, a like, a repost, a follow) is a row for each version that came; whoever writes one looks
at all of them afterwards and ends what those caused that another version outdid. Of two who write
at the same time one sees both. Whether a post or a person is gone is looked up for a whole page.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final, NamedTuple

from domain.ids import AccountId, ItemId
from infra.cassandra.bucketed_lists import (
    DIRECTORY_COLUMNS,
    DIRECTORY_KEY,
    LIST_COLUMNS,
    LIST_KEY,
    BucketedLists,
    Place,
)
from infra.cassandra.session import CassandraSession
from infra.cassandra.view_tables import ONCE, ViewTables, Write, by_key, together
from projections.notifications import (
    KINDS,
    UNREAD_COUNTED_MAX,
    DropAccount,
    DropPost,
    Kind,
    MarkRead,
    Notification,
    NotifyOfPost,
    Operation,
    SetFollow,
    SetReaction,
)
from projections.windows import Window

_LISTS: Final[Mapping[Kind, int]] = {kind: number for number, kind in enumerate(KINDS)}

# A version counts more the higher its rank is.
_SCHEMA: Final = {
    "buckets": f"{DIRECTORY_COLUMNS}, {DIRECTORY_KEY}",
    "items": f"{LIST_COLUMNS}, actor_id bigint, post_id bigint, ended boolean, {LIST_KEY}",
    "registers": """register text, actor_id bigint, rank bigint, item_id bigint, list tinyint,
    live boolean, PRIMARY KEY (register, actor_id, rank)""",
    "gone": "id bigint PRIMARY KEY",
    "read_marks": "account_id bigint PRIMARY KEY, up_to_id bigint",
}
_COLUMNS: Final = "item_id, list, actor_id, post_id, ended"
_TELL: Final = """INSERT INTO @items (owner_id, list, bucket, item_id, actor_id, post_id)
VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_END: Final = """INSERT INTO @items (owner_id, list, bucket, item_id, ended)
VALUES (?, ?, ?, ?, true) USING TIMESTAMP ?"""
_SET: Final = """INSERT INTO @registers (register, actor_id, rank, item_id, list, live)
VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_VERSIONS: Final = """SELECT register, actor_id, item_id, list, live FROM @registers
WHERE register IN ?"""
_VERSIONS_BY: Final = f"{_VERSIONS} AND actor_id IN ?"
_GO: Final = "INSERT INTO @gone (id) VALUES (?) USING TIMESTAMP ?"
_GONE: Final = "SELECT id FROM @gone WHERE id IN ?"
_MARK: Final = "INSERT INTO @read_marks (account_id, up_to_id) VALUES (?, ?) USING TIMESTAMP ?"
_MARKS: Final = "SELECT up_to_id FROM @read_marks WHERE account_id = ?"
# The post of a follow.
_NONE: Final = 0


class _Told(NamedTuple):
    """A version of a register, which is named by the recipient, what it is, and the post."""

    register: str
    actor_id: AccountId
    rank: int
    item_id: ItemId
    list_: int
    live: bool
    post_id: int
    # Whether it has versions by others than this actor.
    is_shared: bool = False

    @property
    def place(self) -> Place:
        """Where its row is among what the recipient is told."""
        return _recipient_of(self.register), self.list_, self.item_id


class CassandraNotifications:
    """Implements `projections.notifications.Notifications`."""

    def __init__(self, session: CassandraSession, namespace: str) -> None:
        self._tables = ViewTables(session, namespace, _SCHEMA)
        self._lists = BucketedLists(self._tables, _COLUMNS)
        self.create = self._tables.create
        self.drop = self._tables.drop
        self.claim = self._tables.claim

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        told = [version for operation in operations for version in _told(operation)]
        said = chain.from_iterable(map(_marks, operations))
        await self._lists.write(
            chain(said, chain.from_iterable(map(self._tell, told))),
            (one.place for one in told if one.live),
        )
        await self._end_outdone(told)
        await self._tables.advance(checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return await self._tables.checkpoint()

    async def page(
        self,
        account_id: AccountId,
        window: Window,
        limit: int,
        kinds: Collection[Kind] = KINDS,
    ) -> Sequence[Notification]:
        """See `Notifications.page`."""
        if not kinds:
            return []
        read_up_to, rows = await asyncio.gather(
            self._read_up_to(account_id), self._rows(account_id, window, limit, kinds)
        )
        return [
            Notification(
                row.item_id,
                KINDS[row.list],
                row.actor_id,
                row.post_id or None,
                row.item_id <= read_up_to,
            )
            for row in rows
        ]

    async def unread_count(self, account_id: AccountId) -> int:
        """See `Notifications.unread_count`."""
        unread = Window(since_id=await self._read_up_to(account_id))
        return len(await self._rows(account_id, unread, UNREAD_COUNTED_MAX, KINDS))

    async def _rows(
        self, account_id: AccountId, window: Window, limit: int, kinds: Collection[Kind]
    ) -> Sequence[Any]:
        """Those rows of the account's lists that stand."""

        async def standing(rows: Sequence[Any]) -> Sequence[Any]:
            there = [row for row in rows if row.actor_id is not None and not row.ended]
            ids = {id_ for row in there for id_ in (row.actor_id, row.post_id)}
            gone = await self._gone(ids - {_NONE})
            return [row for row in there if not gone & {row.actor_id, row.post_id}]

        lists = {_LISTS[kind] for kind in kinds}
        gone, rows = await asyncio.gather(
            self._gone([account_id]),
            self._lists.page(account_id, lists, window, limit, standing),
        )
        return [] if gone else rows

    def _tell(self, told: _Told) -> Iterator[Write]:
        *register, post_id, _ = told
        yield Write(told.register, _SET, (*register, ONCE))
        if told.live:
            partition = self._lists.partition_of(*told.place)
            values = (*partition, told.item_id, told.actor_id, post_id, ONCE)
            yield Write(partition, _TELL, values)

    async def _end_outdone(self, told: Sequence[_Told]) -> None:
        """End what versions of these registers caused, but for those with the highest rank."""
        actors = {
            register: {one.actor_id for one in ones}
            for register, ones in by_key(told, attrgetter("register")).items()
        }
        shared = {one.register: actors[one.register] for one in told if one.is_shared}
        whole, parts = await asyncio.gather(
            self._tables.read_keys(_VERSIONS, actors.keys() - shared.keys()),
            self._tables.read_all(
                (_VERSIONS_BY, (registers, list(set().union(*(actors[r] for r in registers)))))
                for registers in together(shared)
            ),
        )
        await self._tables.write(
            self._ended(row) for row in _outdone(chain(whole, *parts)) if row.live
        )

    def _ended(self, row: Any) -> Write:
        partition = self._lists.partition_of(_recipient_of(row.register), row.list, row.item_id)
        return Write(partition, _END, (*partition, row.item_id, ONCE))

    async def _gone(self, ids: Collection[int]) -> set[int]:
        """Which of these posts and accounts are gone."""
        return {row.id for row in await self._tables.read_keys(_GONE, ids)}

    async def _read_up_to(self, account_id: AccountId) -> int:
        rows = await self._tables.read(_MARKS, account_id)
        return int(rows[0].up_to_id) if rows else 0


def _told(operation: Operation) -> Iterator[_Told]:
    """The version of a register that an operation is."""
    match operation:
        case NotifyOfPost(to, post_id, actor_id, kind, item_id, version):
            # Of a post's texts the first that concerns somebody counts.
            register, list_ = f"{to}/text/{post_id}", _LISTS[kind]
            yield _Told(register, actor_id, -version, item_id, list_, True, post_id)
        case SetReaction(to, post_id, actor_id, kind, item_id, on, version):
            register, list_ = f"{to}/{kind}/{post_id}", _LISTS[kind]
            yield _Told(register, actor_id, version, item_id, list_, on, post_id, is_shared=True)
        case SetFollow(to, actor_id, item_id, on, version):
            # Of its own for each who follows: somebody may have a hundred million of them.
            register, list_ = f"{to}/follow/{actor_id}", _LISTS["follow"]
            yield _Told(register, actor_id, version, item_id, list_, on, _NONE)
        case _:
            pass


def _marks(operation: Operation) -> Iterator[Write]:
    """What an operation says that is no register's version."""
    match operation:
        case DropPost(gone_id) | DropAccount(gone_id):
            yield Write(gone_id, _GO, (gone_id, ONCE))
        case MarkRead(account_id, up_to_id):
            yield Write(account_id, _MARK, (account_id, up_to_id, up_to_id))
        case _:
            pass


def _recipient_of(register: str) -> int:
    return int(register.partition("/")[0])


def _outdone(rows: Iterable[Any]) -> Iterator[Any]:
    """Of each actor's versions, which come by rank, all but the last."""
    for versions in by_key(rows, lambda row: (row.register, row.actor_id)).values():
        yield from versions[:-1]
