"""What keys of imports mean, noted in bulk: planned by one conditional batch for many of them, and
recorded once there are events of them. What was recorded is known for ever."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from commands.ports import Answer
from domain.errors import Conflict
from infra.cassandra.log_tables import LogTables
from infra.sealed_answers import sealed_answer
from streams.envelope import Keyring

SHARDS: Final = 16
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS @planned (
    scope text, shard int, key text, id bigint, PRIMARY KEY ((scope, shard), key))""",
    """CREATE TABLE IF NOT EXISTS @imported (
    scope text, shard int, key text, answer blob, PRIMARY KEY ((scope, shard), key))""",
)
_PLAN: Final = "INSERT INTO @planned (scope, shard, key, id) VALUES (?,?,?,?) IF NOT EXISTS"
_AGAIN: Final = """UPDATE @planned SET id = ? WHERE scope = ? AND shard = ? AND key = ? IF id = ?"""
_SOME: Final = "SELECT key, id FROM @planned WHERE scope = ? AND shard = ? AND key IN ?"
_ALL: Final = "SELECT key, id FROM @planned WHERE scope = ? AND shard = ?"
_RECORD: Final = "INSERT INTO @imported (scope, shard, key, answer) VALUES (?,?,?,?)"
_RECORDED: Final = "SELECT key, answer FROM @imported WHERE scope = ? AND shard = ?"
_CREATED: Final = 201


class ImportPlans:
    """The plans of one log. Methods raise StoreUnavailable."""

    def __init__(self, tables: LogTables, keyring: Keyring) -> None:
        self._tables = tables
        self._keyring = keyring
        self._is_made = False

    async def planned(self, scope: str) -> dict[str, int]:
        """See `infra.importing.outside.Plans.planned`."""
        await self._make()
        shards = await self._tables.execute_many(
            [(_ALL, (scope, shard)) for shard in range(SHARDS)]
        )
        return {row.key: row.id for rows in shards for row in rows}

    async def plan(self, scope: str, ids: Mapping[str, int]) -> None:
        """See `infra.importing.outside.Plans.plan`."""
        await self._make()
        for shard, keys in _by_shard(ids).items():
            rows = [(_PLAN, (scope, shard, key, ids[key])) for key in keys]
            if not (await self._tables.batch(rows))[0].applied:
                await self._require(scope, shard, {key: ids[key] for key in keys})

    async def plan_again(self, scope: str, ids: Mapping[str, int], old: Mapping[str, int]) -> None:
        """See `infra.importing.outside.Plans.plan_again`."""
        await self._make()
        for key, new in ids.items():
            shard = _shard_of(key)
            values = (new, scope, shard, key, old[key])
            if not (await self._tables.execute(_AGAIN, values))[0].applied:
                await self._require(scope, shard, {key: new})

    async def recorded(self, scope: str, ids: Mapping[str, int]) -> None:
        """See `infra.importing.outside.Plans.recorded`."""
        await self._make()
        for shard, keys in _by_shard(ids).items():
            await self._tables.batch(
                [(_RECORD, (scope, shard, key, self._sealed(scope, ids[key]))) for key in keys]
            )

    async def receipts(self, scope: str) -> dict[str, bytes]:
        """Every key of a scope that was recorded, and its sealed answer."""
        await self._make()
        shards = await self._tables.execute_many(
            [(_RECORDED, (scope, shard)) for shard in range(SHARDS)]
        )
        return {row.key: row.answer for rows in shards for row in rows}

    async def _require(self, scope: str, shard: int, ids: Mapping[str, int]) -> None:
        """An attempt whose outcome nobody learned may have planned just these."""
        rows = await self._tables.execute_serial(_SOME, (scope, shard, list(ids)))
        if {row.key: row.id for row in rows} != ids:
            raise Conflict(f"Another process fills {scope} at this moment")

    async def _make(self) -> None:
        if not self._is_made:
            await self._tables.create(_SCHEMA)
            self._is_made = True

    def _sealed(self, scope: str, our_id: int) -> bytes:
        return sealed_answer(scope, Answer(_CREATED, str(our_id).encode()), self._keyring)


def _by_shard(keys: Iterable[str]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for key in keys:
        found[_shard_of(key)].append(key)
    return found


def _shard_of(key: str) -> int:
    return zlib.crc32(key.encode()) % SHARDS
