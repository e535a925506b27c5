"""The tables of one view in Cassandra, under a namespace of their own, with its checkpoints.

What a view writes is guarded by cell timestamps that are not times: a register is written
`USING TIMESTAMP version`, so that the higher version wins whenever it comes; what never changes
has timestamp 1; what absorbs has `FOR_EVER`. No column mixes them with times of a clock.
"""

import asyncio
from collections import defaultdict
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Sized,
)
from itertools import chain
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from domain.ids import ID_MAX
from infra.cassandra.session import CassandraSession
from infra.claims import Claims

ONCE: Final = 1
FOR_EVER: Final = ID_MAX - 1
# Keys in one IN, and requests under way at once.
KEYS_MAX: Final = 50
# A request costs Cassandra as much as eight mutations, and what a batch writes to one key, in any
# number of tables, is one mutation. But a node that is not busy does a batch's mutations one after
# the other and waits for the disk each time: few are spread over several requests, many are not.
PARTITIONS_FEW: Final = 20
SPREAD: Final = 8
ROWS_MAX: Final = 100
# Of long values. With what rows have besides it is less than the 50 KiB that Cassandra refuses
# unless it is told otherwise.
BYTES_MAX: Final = 24 << 10
# Partitions of several that are read with one statement for rows that not all of them have.
READ_TOGETHER_MAX: Final = 20
# Keys below which so few are wanted that those below other keys may be asked for as well.
FEW: Final = 4
AT_ONCE: Final = 64

_KEY: Final = itemgetter(0)

KeyT = TypeVar("KeyT", bound=Hashable)

_CHECKPOINTS: Final = "one tinyint, place int, position bigint, PRIMARY KEY (one, place)"
_CHECKPOINTS_KEY: Final = 1
_ADVANCE: Final = """INSERT INTO @checkpoints (one, place, position) VALUES (1, ?, ?)
USING TIMESTAMP ?"""
_CHECKPOINT: Final = "SELECT place, position FROM @checkpoints WHERE one = 1"
# One table for all views: Cassandra bears few. Only conditional batches write what counts there.
_CLAIMS: Final = """CREATE TABLE IF NOT EXISTS view_claims (
namespace text, place int, epoch int, PRIMARY KEY (namespace, place))"""
_CLAIM: Final = "UPDATE view_claims SET epoch = ? WHERE namespace = ? AND place = ? IF epoch = ?"
_CLAIMED: Final = "SELECT place, epoch FROM view_claims WHERE namespace = ?"
_FORGET: Final = "DELETE FROM view_claims WHERE namespace = ?"


class Write(NamedTuple):
    """A statement that writes into the partition of a key, which several tables may have: what is
    written to one key is one mutation."""

    key: Hashable
    cql: str
    values: Sequence[Any]


class ViewTables:
    """Statements name a table `@table`, which stands for `NAMESPACE_table`.

    `schema` gives each table's columns, and what follows WITH behind a bar. Every method raises
    StoreUnavailable.
    """

    def __init__(
        self, session: CassandraSession, namespace: str, schema: Mapping[str, str]
    ) -> None:
        self._session = session
        self._namespace = namespace
        self._schema = {**schema, "checkpoints": _CHECKPOINTS}
        self._claims = Claims()
        self._statements: dict[str, str] = {}

    async def create(self) -> None:
        """Make the tables that are not there."""
        tables = (
            self._named(f"CREATE TABLE IF NOT EXISTS @{table} ({columns}) {order}")
            for table, (columns, _, order) in (
                (table, definition.partition("|")) for table, definition in self._schema.items()
            )
        )
        await self._session.create([_CLAIMS, *tables])

    async def drop(self) -> None:
        """Remove the tables and all they hold. Nobody may claim anything meanwhile."""
        tables = (self._named(f"DROP TABLE IF EXISTS @{table}") for table in self._schema)
        await self._session.create([_CLAIMS, *tables])
        await self.read(_FORGET, self._namespace)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return dict(await self.read(_CHECKPOINT))

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""
        while partitions:
            kept = await self._claimed()
            epochs = {place: kept.get(place, 0) + 1 for place in partitions}
            answers = await self._session.batch(
                [
                    (_CLAIM, (epoch, self._namespace, place, kept.get(place)))
                    for place, epoch in epochs.items()
                ]
            )
            if answers[0].applied:
                self._claims.note(epochs)
                return

    async def advance(self, checkpoint: Mapping[int, int]) -> None:
        """Move the checkpoint; a position is its own timestamp, so it never goes back. Raises
        Superseded."""
        await self._claims.check_now_and_then(checkpoint, self._claimed)
        await self.write(
            Write(_CHECKPOINTS_KEY, _ADVANCE, (place, position, position))
            for place, position in checkpoint.items()
        )

    async def _claimed(self) -> dict[int, int]:
        return dict(await self.read(_CLAIMED, self._namespace))

    async def read(self, cql: str, *values: Any) -> list[Any]:
        """The rows of one statement."""
        return await self._session.execute(self._named(cql), values)

    async def read_all(self, statements: Iterable[tuple[str, Sequence[Any]]]) -> list[list[Any]]:
        """The rows of each statement; they are under way together."""
        named = [(self._named(cql), values) for cql, values in statements]
        return await self._session.execute_many(named, at_once=AT_ONCE)

    async def read_keys(self, cql: str, keys: Collection[Any], *values: Any) -> list[Any]:
        """The rows of any number of keys: `cql` takes a list of them after `values`."""
        listed = list(keys)
        if not listed:
            return []
        parts = (listed[start : start + KEYS_MAX] for start in range(0, len(listed), KEYS_MAX))
        return list(chain.from_iterable(await self.read_all((cql, (*values, p)) for p in parts)))

    async def write(self, writes: Iterable[Write]) -> None:
        """All of them, in no order."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def send(batch: Sequence[Write]) -> None:
            statements = [(self._named(cql), values) for _, cql, values in batch]
            async with slots:
                if len(statements) == 1:
                    await self._session.execute(*statements[0])
                else:
                    await self._session.batch(statements)

        await asyncio.gather(*map(send, _batches(writes)))

    def _named(self, cql: str) -> str:
        named = self._statements.get(cql)
        if named is None:
            named = self._statements[cql] = cql.replace("@", f"{self._namespace}_")
        return named


def _batches(writes: Iterable[Write]) -> Iterator[Sequence[Write]]:
    """The writes in batches of few keys, rows and bytes."""
    by_keys = by_key(writes, _KEY)
    keys_max = max(PARTITIONS_FEW, len(by_keys) // SPREAD)
    batch: list[Write] = []
    keys = size = 0
    for same in by_keys.values():
        keys += 1
        for write in same:
            if keys > keys_max or len(batch) >= ROWS_MAX or size > BYTES_MAX:
                yield batch
                batch, keys, size = [], 1, 0
            batch.append(write)
            size += sum(len(value) for value in write.values if type(value) is bytes)
    if batch:
        yield batch


def together(wanted: Mapping[KeyT, Sized]) -> Iterator[list[KeyT]]:
    """Partitions to read with one statement, which asks each for what is wanted of any of them:
    several of which little is wanted, or one."""
    few = [key for key, some in wanted.items() if len(some) <= FEW]
    for start in range(0, len(few), READ_TOGETHER_MAX):
        yield few[start : start + READ_TOGETHER_MAX]
    for key, some in wanted.items():
        if len(some) > FEW:
            yield [key]


def by_key(rows: Iterable[Any], key: Callable[[Any], KeyT]) -> dict[KeyT, list[Any]]:
    """The rows of each key, in their order."""
    found: defaultdict[KeyT, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
