"""The follower graph in Neo4j."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from neo4j import AsyncManagedTransaction

from domain.ids import AccountId, EventId
from domain.objects import AccountViewer
from infra.claims import Claims
from infra.neo4j import follower_graph_cypher as cypher
from infra.neo4j.connection import Neo4jConnection, Row, run
from infra.neo4j.pairs import Ends, Side, changes, pair_of, sides_of
from projections.follower_graph import (
    FRIENDS_MAX,
    FRIENDS_OF_FRIEND_MAX,
    DropAccount,
    Edge,
    EdgeCounts,
    EdgeList,
    Operation,
    SetTie,
    Suggestion,
)
from projections.windows import Window

# Deleted in one transaction: the engine keeps in memory what a transaction changes.
SLICE: Final = 5_000


class Neo4jFollowerGraph:
    """Implements `projections.follower_graph.FollowerGraph`.

    Ties and checkpoint of a batch are one transaction, so that the graph is always that of its
    checkpoint; a closing comes before it, because the edges of an account may be too many for one.
    Batches take turns in the engine (`follower_graph_cypher`), so none is a deadlock's victim.
    """

    def __init__(self, connection: Neo4jConnection, namespace: str) -> None:
        self._connection = connection
        self._names = cypher.names_of(namespace)
        self._claims = Claims()

    async def create(self) -> None:
        """Make the constraints and indexes that are missing."""
        await self._connection.change_schema([*map(self._names.fill, cypher.SCHEMA)])

    async def empty(self) -> None:
        """Forget everything, the checkpoint first."""
        for label in (self._names.checkpoint, *self._names.relationships, self._names.account):
            is_type = label in self._names.relationships
            delete = cypher.DELETE_EDGES if is_type else cypher.DELETE_NODES
            await self._in_slices(self._names.fill(delete, kind=label, label=label))

    async def drop(self) -> None:
        """Remove everything of the namespace."""
        await self.empty()
        await self._connection.change_schema([*map(self._names.fill, cypher.DROP_SCHEMA)])

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""

        async def work(transaction: AsyncManagedTransaction) -> list[Row]:
            claiming = self._names.fill(cypher.CLAIM)
            return await run(transaction, claiming, partitions=sorted(partitions))

        self._claims.note({partition: n for partition, n in await self._connection.write(work)})

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`. Raises Superseded."""
        closed = sorted({op.account_id for op in operations if isinstance(op, DropAccount)})
        sides = sides_of(op for op in operations if isinstance(op, SetTie))
        if closed:
            await self._close(closed)

        async def work(transaction: AsyncManagedTransaction) -> None:
            written = await self._changes(transaction, sides) if sides else {}
            writing = self._names.fill(cypher.WRITE_PAIRS if written else cypher.ADVANCE)
            positions = sorted(checkpoint.items())
            kept = await run(transaction, writing, batch={"positions": positions, **written})
            self._claims.check(checkpoint, {partition: epoch for partition, epoch in kept})

        await self._connection.write(work)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return {partition: position for partition, position in await self._read(cypher.CHECKPOINT)}

    async def edges(
        self, account_id: AccountId, which: EdgeList, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.edges`."""
        return await self._edges(cypher.EDGES, which, window, limit, account=account_id)

    async def mutuals(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.mutuals`."""
        return await self._shared("following", account_id, reader_id, window, limit)

    async def known_followers(
        self, account_id: AccountId, reader_id: AccountId, window: Window, limit: int
    ) -> Sequence[Edge]:
        """See `FollowerGraph.known_followers`."""
        return await self._shared("followers", account_id, reader_id, window, limit)

    async def suggestions(
        self, reader_id: AccountId, after: Suggestion | None, limit: int
    ) -> Sequence[Suggestion]:
        """See `FollowerGraph.suggestions`."""
        paths, last = after or (FRIENDS_MAX + 1, 0)
        rows = await self._read(
            cypher.SUGGESTIONS,
            reader=reader_id,
            friends=FRIENDS_MAX,
            friends_of_friend=FRIENDS_OF_FRIEND_MAX,
            paths=paths,
            after=last,
            limit=limit,
        )
        return [Suggestion(*row) for row in rows]

    async def counts(self, account_ids: Sequence[AccountId]) -> dict[AccountId, EdgeCounts]:
        """See `FollowerGraph.counts`."""
        if not account_ids:
            return {}
        [[rows]] = await self._read(cypher.COUNTS, ids=list(set(account_ids)))
        return {row[0]: EdgeCounts(*row[1:]) for row in rows if any(row[1:])}

    async def relations(
        self, reader_id: AccountId, account_ids: Sequence[AccountId]
    ) -> dict[AccountId, AccountViewer]:
        """See `FollowerGraph.relations`."""
        found = await self.relations_of([(reader_id, one) for one in set(account_ids)])
        return {one: viewer for (_, one), viewer in found.items()}

    async def relations_of(
        self, pairs: Sequence[tuple[AccountId, AccountId]]
    ) -> dict[tuple[AccountId, AccountId], AccountViewer]:
        """As `relations`, of each reader and account."""
        if not pairs:
            return {}
        asked = {pair_of(*pair) for pair in pairs}
        [[rows]] = await self._read(cypher.RELATIONS, pairs=[list(pair) for pair in asked])
        said = {
            ends: does
            for low, high, *does in rows
            for ends, does in (((low, high), does[:3]), ((high, low), does[3:]))
        }
        return {
            (reader, one): _viewer(said[reader, one], said[one, reader])
            for reader, one in pairs
            if (reader, one) in said
        }

    async def closing(self, account_id: AccountId, limit: int) -> Sequence[AccountId] | None:
        """Let no tie to the account come any more; all who have one now, or None if they are more
        than `limit`."""
        await self._mark([account_id])
        [[others]] = await self._read(cypher.TIED, account=account_id, limit=limit + 1)
        return None if len(others) > limit else others

    async def follow_of(self, follower_id: AccountId, followed_id: AccountId) -> EventId | None:
        """See `FollowerGraph.follow_of`."""
        rows = await self._read(cypher.FOLLOW, by=follower_id, to=followed_id)
        return EventId(rows[0][0]) if rows else None

    async def _shared(
        self,
        which: Literal["followers", "following"],
        account_id: AccountId,
        reader_id: AccountId,
        window: Window,
        limit: int,
    ) -> Sequence[Edge]:
        """Whom the reader follows of an account's list, found from the shorter list's side."""
        counts = await self.counts((account_id, reader_id))
        account = counts.get(account_id, EdgeCounts())
        listed = account.followers if which == "followers" else account.following
        if counts.get(reader_id, EdgeCounts()).following < listed:
            asked = cypher.OF_THE_READERS_FOLLOWS
        else:
            asked = cypher.EDGES_THAT_THE_READER_FOLLOWS
        ids = {"account": account_id, "reader": reader_id}
        return await self._edges(asked, which, window, limit, **ids)

    async def _edges(
        self, asked: str, which: EdgeList, window: Window, limit: int, **ids: AccountId
    ) -> Sequence[Edge]:
        ends = cypher.LISTS[which]
        kind = self._names.fill(f"<{ends['edges']}>")
        order = "ASC" if window.upwards else "DESC"
        statement = self._names.fill(asked, **{**ends, "edges": kind, "order": order})
        bounds = {"above": window.above, "below": window.below, "limit": limit}
        rows = await self._connection.read(statement, **bounds, **ids)
        edges = [Edge(EventId(edge), AccountId(other)) for edge, other in rows]
        return edges[::-1] if window.upwards else edges

    async def _changes(
        self, transaction: AsyncManagedTransaction, sides: Mapping[Ends, Side]
    ) -> Mapping[str, Sequence[Row]]:
        """What these sides change. Nobody else changes ties from here to the transaction's end."""
        pairs = sorted({pair_of(*ends) for ends in sides})
        ids = sorted({end for pair in pairs for end in pair})
        reading = self._names.fill(cypher.READ_PAIRS)
        batch = {"ids": ids, "pairs": pairs}
        [[closed, registers]] = await run(transaction, reading, batch=batch)
        return changes(sides, registers, closed)

    async def _close(self, account_ids: Sequence[AccountId]) -> None:
        """No tie comes any more once they are marked; then those that are there can go."""
        await self._mark(account_ids)
        await self._in_slices(self._names.fill(cypher.DELETE_EDGES_OF_CLOSED), ids=account_ids)

    async def _mark(self, account_ids: Sequence[AccountId]) -> None:
        async def mark(transaction: AsyncManagedTransaction) -> None:
            await run(transaction, self._names.fill(cypher.CLOSE), ids=account_ids)

        await self._connection.write(mark)

    async def _in_slices(self, deletion: str, **values: object) -> None:
        """Repeat until nothing is left to delete."""

        async def work(transaction: AsyncManagedTransaction) -> int:
            ((deleted,),) = await run(transaction, deletion, slice=SLICE, **values)
            return int(deleted)

        while await self._connection.write(work) == SLICE:
            pass

    async def _read(self, asked: str, **values: Any) -> list[Row]:
        return await self._connection.read(self._names.fill(asked), **values)


def _viewer(mine: Sequence[bool | None], theirs: Sequence[bool | None]) -> AccountViewer:
    """From what each of the two does to the other, of each of KINDS."""
    following, blocking, muting = map(bool, mine)
    followed_by, blocked_by, _ = map(bool, theirs)
    return AccountViewer(following, followed_by, blocking, blocked_by, muting)
