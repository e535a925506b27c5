"""A projection's own tables: its schema, its checkpoint, and its operations written in bulk.

One batch is one transaction and one round trip, and one batch of a namespace is written after the
other: a post and its deletion from two partitions, written at once by two owners, would not see
each other, and counts that many posts share would deadlock. The commit is synced: an owner that
outlives the server goes on behind its last batch and never looks back.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from infra.claims import Claims
from infra.postgresql.database import Database, Row, Values, checked
from projections.projection import Superseded

# A closed account may take a million rows with it.
APPLY_S: Final = 300.0

_CHECKPOINTS: Final = """
CREATE TABLE IF NOT EXISTS checkpoints (
    partition integer PRIMARY KEY, position bigint NOT NULL);
CREATE TABLE IF NOT EXISTS claims (
    partition integer PRIMARY KEY, epoch integer NOT NULL);
"""
_CLAIM: Final = """
INSERT INTO {ns}.claims AS kept SELECT *, 1 FROM unnest(%s::integer[])
ON CONFLICT (partition) DO UPDATE SET epoch = kept.epoch + 1 RETURNING partition, epoch
"""
# What is refused fails in the server: nobody waits for its answer before the batch is sent.
_CHECK: Final = """
CREATE OR REPLACE FUNCTION {ns}.check_claims(partitions integer[], epochs integer[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    lost integer[];
BEGIN
    SELECT array_agg(partition) INTO lost FROM unnest(partitions, epochs) AS mine(partition, epoch)
    JOIN {ns}.claims AS kept USING (partition) WHERE kept.epoch > mine.epoch;
    IF lost IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'STALE', MESSAGE = array_to_string(lost, ' ');
    END IF;
END $$;
"""
_CHECKED: Final = "SELECT {ns}.check_claims(%s::integer[], %s::integer[])"
_SUPERSEDED: Final = "STALE"
_ADVANCE: Final = """
INSERT INTO {ns}.checkpoints AS kept
SELECT * FROM unnest(%s::integer[], %s::bigint[]) ON CONFLICT (partition) DO UPDATE
SET position = excluded.position WHERE excluded.position > kept.position
"""
_CHECKPOINT: Final = "SELECT partition, position FROM {ns}.checkpoints"


class Written(NamedTuple):
    """How operations of one type are written.

    `columns` are the operation's fields in order, with their SQL types, as in a table. The
    statements find them in the table `given`: of several operations with one `key` only that of
    the highest `version`, if they have one.
    """

    columns: str
    key: str
    statements: tuple[str, ...]


class ProjectionTables:
    """The tables of one projection and generation. `schema` makes them, without qualified names;
    in `written` and in what is read they are `{ns}.name`."""

    def __init__(
        self, database: Database, namespace: str, schema: str, written: Mapping[type, Written]
    ) -> None:
        self._database = database
        self._namespace = checked(namespace)
        self._schema = schema
        self._statements = {
            kind: [self.named(_given(how) + sql) for sql in how.statements]
            for kind, how in written.items()
        }
        self._advance, self._checkpoint = self.named(_ADVANCE), self.named(_CHECKPOINT)
        self._claim, self._checked = self.named(_CLAIM), self.named(_CHECKED)
        self._claims = Claims()

    def named(self, sql: str) -> str:
        """The statement with the namespace for `{ns}`."""
        return sql.replace("{ns}", self._namespace)

    async def create(self) -> None:
        """Make the tables that are not there yet."""
        async with self._database.changing(self._namespace) as connection:
            # Several statements at once cannot be prepared.
            schema = _CHECKPOINTS + self.named(_CHECK) + self._schema
            await connection.execute(schema, prepare=False)

    async def drop(self) -> None:
        """Remove everything of the namespace."""
        await self._database.drop(self._namespace)

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`. Waits for the batch that is being written."""
        async with self._database.transaction(lock=self._namespace) as transaction:
            epochs = await transaction.rows(self._claim, (list(partitions),))
        self._claims.note(dict(epochs))

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        """Write a batch and move the checkpoint, all or nothing. Raises Superseded.

        Operations are grouped by type: their order makes no difference (set semantics).
        """
        try:
            await self._apply(operations, checkpoint)
        except psycopg.Error as error:
            if error.sqlstate != _SUPERSEDED:
                raise
            raise Superseded([*map(int, str(error.diag.message_primary).split())]) from error

    async def _apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        groups: dict[type, list[Any]] = {}
        for operation in operations:
            groups.setdefault(type(operation), []).append(operation)
        mine = {one: self._claims.of(one) for one in checkpoint if one in self._claims.partitions}
        writing = self._database.transaction(lock=self._namespace, limit_s=APPLY_S)
        async with writing as transaction:
            if mine:
                await transaction.execute(self._checked, ([*mine.keys()], [*mine.values()]))
            for kind, group in groups.items():
                columns = [list(column) for column in zip(*group, strict=True)]
                for sql in self._statements[kind]:
                    await transaction.execute(sql, columns)
            if checkpoint:
                moved = [list(checkpoint.keys()), list(checkpoint.values())]
                await transaction.execute(self._advance, moved)

    async def checkpoint(self) -> dict[int, int]:
        """Partition -> position of the last event applied."""
        rows = await self._database.rows(self._checkpoint)
        return {partition: position for partition, position in rows}

    async def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """What a statement that went through `named` gives."""
        return await self._database.rows(sql, values)


def _given(how: Written) -> str:
    """The batch's operations as a table, each key once and in order."""
    columns = [column.split() for column in how.columns.split(", ")]
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
    newest = ", version DESC" if "version" in names.split(", ") else ""
    return (
        f"WITH given AS (SELECT DISTINCT ON ({how.key}) * FROM unnest({arrays}) AS all_of({names})"
        f" ORDER BY {how.key}{newest})\n"
    )
