"""What the follower graph asks of Neo4j.

An account is a node. STANDS, one for each pair, from the lower id to the higher, is the register of
how the two stand to each other (`infra.neo4j.pairs`): also where nothing is left of it. FOLLOWS,
BLOCKS and MUTES are there only while they hold, with the id of the edge: so a node's degree is its
count, and a list is read off an index in its order.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from infra.neo4j.pairs import KINDS, PROPERTIES
from projections.follower_graph import EdgeList

_OUT: Final = {"mine": "by", "theirs": "to", "by": "$account", "to": "other"}
_IN: Final = {"mine": "to", "theirs": "by", "by": "other", "to": "$account"}
# Each list: the relationships, the end that the list is of and the end that is listed, and who is
# at either end.
LISTS: Final[Mapping[EdgeList, Mapping[str, str]]] = {
    "followers": {"edges": "follows", **_IN},
    "following": {"edges": "follows", **_OUT},
    "blocks": {"edges": "blocks", **_OUT},
    "mutes": {"edges": "mutes", **_OUT},
}


class Names(NamedTuple):
    """What the graph of one namespace is called."""

    account: str
    checkpoint: str
    stands: str
    follows: str
    blocks: str
    mutes: str

    @property
    def relationships(self) -> tuple[str, ...]:
        """All the types there are."""
        return self.stands, self.follows, self.blocks, self.mutes

    def fill(self, cypher: str, **parts: str) -> str:
        """A statement of this module about this graph."""
        for name, value in {**parts, **self._asdict()}.items():
            cypher = cypher.replace(f"<{name}>", value)
        return cypher


def names_of(namespace: str) -> Names:
    """Each ends in the namespace, or is it."""
    kinds = ("STANDS", "FOLLOWS", "BLOCKS", "MUTES")
    return Names(namespace, f"{namespace}_checkpoint", *(f"{kind}_{namespace}" for kind in kinds))


SCHEMA: Final = (
    "CREATE CONSTRAINT <account>_ids IF NOT EXISTS FOR (a:<account>) REQUIRE a.id IS UNIQUE",
    """CREATE CONSTRAINT <account>_partitions IF NOT EXISTS
    FOR (c:<checkpoint>) REQUIRE c.partition IS UNIQUE""",
    # Writers take turns, so that no two make the register of one pair: a constraint would see to it
    # at a third more of a batch's time.
    "CREATE INDEX <account>_pairs IF NOT EXISTS FOR ()-[s:<stands>]-() ON (s.low, s.high)",
    """CREATE INDEX <account>_following IF NOT EXISTS
    FOR ()-[e:<follows>]-() ON (e.by, e.id)""",
    """CREATE INDEX <account>_followers IF NOT EXISTS
    FOR ()-[e:<follows>]-() ON (e.to, e.id)""",
    "CREATE INDEX <account>_blocks IF NOT EXISTS FOR ()-[e:<blocks>]-() ON (e.by, e.id)",
    "CREATE INDEX <account>_mutes IF NOT EXISTS FOR ()-[e:<mutes>]-() ON (e.by, e.id)",
    "CALL db.awaitIndexes(60)",
)
DROP_SCHEMA: Final = (
    *(f"DROP CONSTRAINT <account>_{name} IF EXISTS" for name in ("ids", "partitions")),
    *(
        f"DROP INDEX <account>_{name} IF EXISTS"
        for name in ("pairs", "following", "followers", "blocks", "mutes")
    ),
)
DELETE_EDGES: Final = "MATCH ()-[r:<kind>]->() WITH r LIMIT $slice DELETE r RETURN count(*)"
DELETE_NODES: Final = "MATCH (n:<label>) WITH n LIMIT $slice DELETE n RETURN count(*)"

# A SET locks a node even where it changes nothing, until the transaction ends: whoever changes ties
# waits here for whoever does. Locks of accounts and their edges, taken in whatever order the engine
# comes by them, would let batches wait for each other; and the most followed are in most batches.
_TURN: Final = """
MERGE (turn:<checkpoint> {partition: -1}) SET turn.locked = true
WITH turn
"""
CLOSE: Final = f"{_TURN} UNWIND $ids AS id MERGE (a:<account> {{id: id}}) SET a.closed = true"
DELETE_EDGES_OF_CLOSED: Final = f"""{_TURN}
UNWIND $ids AS id
MATCH (:<account> {{id: id}})-[r:<stands>|<follows>|<blocks>|<mutes>]-()
WITH r LIMIT $slice DELETE r RETURN count(*)
"""
TIED: Final = """
MATCH (:<account> {id: $account})-[:<stands>]-(other)
WITH other LIMIT $limit RETURN collect(other.id)
"""
# What a batch has comes in one map: a list that is a parameter itself is planned for anew with each
# order of magnitude of its length, which takes as long as writing some hundred ties.
#
# Makes the accounts that are missing; which are closed, and the registers of the pairs that have
# one. What it says stays so until the transaction ends.
READ_PAIRS: Final = f"""{_TURN}
CALL () {{
    UNWIND $batch.ids AS id MERGE (a:<account> {{id: id}})
    WITH a WHERE a.closed RETURN collect(a.id) AS closed
}}
CALL () {{
    UNWIND $batch.pairs AS pair MATCH ()-[s:<stands> {{low: pair[0], high: pair[1]}}]->()
    RETURN collect([{", ".join(f"s.{name}" for name in PROPERTIES)}]) AS registers
}}
RETURN closed, registers
"""
ADVANCE: Final = """
UNWIND $batch.positions AS at
MERGE (c:<checkpoint> {partition: at[0]}) SET c.locked = true
WITH c, at SET c.position = CASE
WHEN c.position > at[1] THEN c.position ELSE at[1] END
RETURN c.partition, coalesce(c.epoch, 0)
"""
_ROW: Final = {name: f"row[{at}]" for at, name in enumerate(PROPERTIES)}
_MADE: Final = ", ".join(f"{name}: {value}" for name, value in _ROW.items())
_CHANGED: Final = ", ".join(f"s.{name} = {_ROW[name]}" for name in PROPERTIES[2:])
_END: Final = """
CALL () {{
    UNWIND $batch.ended_{kind} AS edge
    MATCH ()-[e:<{kind}> {{by: edge[0], id: edge[2]}}]->() WHERE e.to = edge[1]
    DELETE e
}}"""
_BEGIN: Final = """
CALL () {{
    UNWIND $batch.begun_{kind} AS edge
    MATCH (a:<account> {{id: edge[0]}}) MATCH (b:<account> {{id: edge[1]}})
    CREATE (a)-[:<{kind}> {{by: edge[0], to: edge[1], id: edge[2]}}]->(b)
}}"""
# What `changes` says. First what has to be found: what the same transaction has made is in no
# index yet, so it is looked through each time.
WRITE_PAIRS: Final = f"""
CALL () {{
    UNWIND $batch.changed AS row
    MATCH ()-[s:<stands> {{low: {_ROW["low"]}, high: {_ROW["high"]}}}]->()
    SET {_CHANGED}
}}
{"".join(_END.format(kind=kind) for kind in KINDS)}
CALL () {{
    UNWIND $batch.made AS row
    MATCH (low:<account> {{id: {_ROW["low"]}}}) MATCH (high:<account> {{id: {_ROW["high"]}}})
    CREATE (low)-[:<stands> {{{_MADE}}}]->(high)
}}
{"".join(_BEGIN.format(kind=kind) for kind in KINDS)}
{ADVANCE}"""
CLAIM: Final = """
UNWIND $partitions AS partition
MERGE (c:<checkpoint> {partition: partition}) SET c.locked = true
WITH c SET c.epoch = coalesce(c.epoch, 0) + 1 RETURN c.partition, c.epoch
"""
CHECKPOINT: Final = """
MATCH (c:<checkpoint>) WHERE c.position IS NOT NULL RETURN c.partition, c.position
"""

# Ordered by what is equal too: only so is the order that of the index.
EDGES: Final = """
MATCH ()-[e:<edges>]->() WHERE e.<mine> = $account AND e.id > $above AND e.id < $below
RETURN e.id, e.<theirs> ORDER BY e.<mine> <order>, e.id <order> LIMIT $limit
"""


def _register(one: str, other: str) -> str:
    """The register `s` of two accounts."""
    low = f"CASE WHEN {one} < {other} THEN {one} ELSE {other} END"
    high = f"CASE WHEN {one} < {other} THEN {other} ELSE {one} END"
    return f"()-[s:<stands> {{low: {low}, high: {high}}}]->()"


def _says(by: str, to: str, name: str) -> str:
    """What the register `s` of these two has of how the one stands to the other."""
    return f"CASE WHEN {by} < {to} THEN s.low_{name} ELSE s.high_{name} END"


EDGES_THAT_THE_READER_FOLLOWS: Final = f"""
MATCH ()-[e:<edges>]->() WHERE e.<mine> = $account AND e.id > $above AND e.id < $below
WITH e ORDER BY e.<mine> <order>, e.id <order>
MATCH {_register("$reader", "e.<theirs>")} WHERE {_says("$reader", "e.<theirs>", "follows")}
RETURN e.id, e.<theirs> LIMIT $limit
"""
# The same, found from the reader's side.
OF_THE_READERS_FOLLOWS: Final = f"""
MATCH ()-[f:<follows>]->() WHERE f.by = $reader AND f.id >= 0
WITH f.to AS other
MATCH {_register("<by>", "<to>")} WHERE {_says("<by>", "<to>", "follows")}
WITH other, {_says("<by>", "<to>", "follow_id")} AS edge
WHERE edge > $above AND edge < $below
RETURN edge, other ORDER BY edge <order> LIMIT $limit
"""
_NO_STRANGER: Final = " OR ".join(
    (
        *(_says("$reader", "other", name) for name in KINDS),
        _says("other", "$reader", "blocks"),
    )
)
SUGGESTIONS: Final = f"""
MATCH ()-[f:<follows>]->() WHERE f.by = $reader AND f.id >= 0
WITH f ORDER BY f.by DESC, f.id DESC LIMIT $friends
WITH f.to AS friend
CALL (friend) {{
    MATCH ()-[f:<follows>]->() WHERE f.by = friend AND f.id >= 0
    RETURN f.to AS other ORDER BY f.by DESC, f.id DESC LIMIT $friends_of_friend
}}
WITH other, count(*) AS paths
WHERE other <> $reader AND (paths < $paths OR paths = $paths AND other > $after)
    AND NOT EXISTS {{ {_register("$reader", "other")} WHERE {_NO_STRANGER} }}
RETURN paths, other ORDER BY paths DESC, other LIMIT $limit
"""
# What every page asks comes as one row: the driver takes as long for each row as for all that is
# in it.
COUNTS: Final = """
UNWIND $ids AS id MATCH (a:<account> {id: id})
RETURN collect([id, COUNT { (a)<-[:<follows>]-() }, COUNT { (a)-[:<follows>]->() }])
"""
RELATIONS: Final = """
UNWIND $pairs AS pair MATCH ()-[s:<stands> {low: pair[0], high: pair[1]}]->()
RETURN collect([s.low, s.high, s.low_follows, s.low_blocks, s.low_mutes,
    s.high_follows, s.high_blocks, s.high_mutes])
"""
FOLLOW: Final = f"""
MATCH {_register("$by", "$to")} WHERE {_says("$by", "$to", "follows")}
RETURN {_says("$by", "$to", "follow_id")}
"""
