"""What the follower graph asks of Neo4j.

An account is a node. STANDS, one from each of a pair to the other, is the register of how the one
stands to the other: its version, also where nothing is left of it, and the highest id that came for
each kind of edge. FOLLOWS, BLOCKS and MUTES are there only while they hold, with the id of the
edge: so a node's degree is its count, and a list is read off an index in its order.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from projections.follower_graph import EdgeList

# Each list: the relationships, the end that the list is of, and the end that is listed.
LISTS: Final[Mapping[EdgeList, Mapping[str, str]]] = {
    "followers": {"edges": "follows", "mine": "to", "theirs": "by"},
    "following": {"edges": "follows", "mine": "by", "theirs": "to"},
    "blocks": {"edges": "blocks", "mine": "by", "theirs": "to"},
    "mutes": {"edges": "mutes", "mine": "by", "theirs": "to"},
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
    """CREATE CONSTRAINT <account>_pairs IF NOT EXISTS
    FOR ()-[s:<stands>]-() REQUIRE (s.by, s.to) IS UNIQUE""",
    """CREATE INDEX <account>_following IF NOT EXISTS
    FOR ()-[e:<follows>]-() ON (e.by, e.id)""",
    """CREATE INDEX <account>_followers IF NOT EXISTS
    FOR ()-[e:<follows>]-() ON (e.to, e.id)""",
    "CREATE INDEX <account>_blocks IF NOT EXISTS FOR ()-[e:<blocks>]-() ON (e.by, e.id)",
    "CREATE INDEX <account>_mutes IF NOT EXISTS FOR ()-[e:<mutes>]-() ON (e.by, e.id)",
    "CALL db.awaitIndexes(60)",
)
DROP_SCHEMA: Final = (
    *(f"DROP CONSTRAINT <account>_{name} IF EXISTS" for name in ("ids", "partitions", "pairs")),
    *(
        f"DROP INDEX <account>_{name} IF EXISTS"
        for name in ("following", "followers", "blocks", "mutes")
    ),
)
DELETE_EDGES: Final = "MATCH ()-[r:<kind>]->() WITH r LIMIT $slice DELETE r RETURN count(*)"
DELETE_NODES: Final = "MATCH (n:<label>) WITH n LIMIT $slice DELETE n RETURN count(*)"

# A SET locks a node even where it changes nothing: what is read of it afterwards stays so until
# the transaction ends. Ids come sorted, so that two batches cannot wait for each other.
LOCK: Final = "UNWIND $ids AS id MERGE (a:<account> {id: id}) SET a.locked = true"
CLOSE: Final = "UNWIND $ids AS id MERGE (a:<account> {id: id}) SET a.closed = true"
DELETE_EDGES_OF_CLOSED: Final = """
UNWIND $ids AS id
MATCH (:<account> {id: id})-[r:<stands>|<follows>|<blocks>|<mutes>]-()
WITH r LIMIT $slice DELETE r RETURN count(*)
"""
TIED: Final = """
MATCH (:<account> {id: $account})-[:<stands>|<follows>|<blocks>|<mutes>]-(other)
WITH DISTINCT other LIMIT $limit RETURN collect(other.id)
"""
_LIVE: Final = """[live IN [
    [s.follows, '<follows>', s.follow_id], [s.blocks, '<blocks>', s.block_id],
    [s.mutes, '<mutes>', s.mute_id]] WHERE live[0] | live[1..]]"""
_CREATE: Final = """
FOREACH (live IN [live IN now WHERE live[0] = '<{kind}>' AND NOT live IN was] |
    CREATE (a)-[:<{kind}> {{by: tie.by, to: tie.to, id: live[1]}}]->(b))"""
# Only a higher version says how they stand; every event may say which edge it made.
SET_TIES: Final = f"""
UNWIND $ties AS tie
MATCH (a:<account> {{id: tie.by}}) WHERE a.closed IS NULL
MATCH (b:<account> {{id: tie.to}}) WHERE b.closed IS NULL
MERGE (a)-[s:<stands> {{by: tie.by, to: tie.to}}]->(b)
ON CREATE SET s.v = -1, s.follow_id = 0, s.block_id = 0, s.mute_id = 0
WITH tie, a, b, s, {_LIVE} AS was
SET s += CASE WHEN s.v < tie.v THEN tie.standing ELSE {{}} END
SET s.follow_id = CASE WHEN s.follow_id < tie.follow_id THEN tie.follow_id ELSE s.follow_id END,
    s.block_id = CASE WHEN s.block_id < tie.block_id THEN tie.block_id ELSE s.block_id END,
    s.mute_id = CASE WHEN s.mute_id < tie.mute_id THEN tie.mute_id ELSE s.mute_id END
WITH tie, a, b, was, {_LIVE} AS now
CALL (a, b, was, now) {{
    WITH a, b, was, now WHERE any(live IN was WHERE NOT live IN now)
    MATCH (a)-[e:<follows>|<blocks>|<mutes>]->(b) WHERE NOT [type(e), e.id] IN now
    DELETE e
}}
{"".join(_CREATE.format(kind=kind) for kind in ("follows", "blocks", "mutes"))}
"""
ADVANCE: Final = """
UNWIND $positions AS at
MERGE (c:<checkpoint> {partition: at[0]}) SET c.locked = true
WITH c, at SET c.position = CASE
WHEN c.position > at[1] THEN c.position ELSE at[1] END
RETURN c.partition, coalesce(c.epoch, 0)
"""
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
EDGES_THAT_THE_READER_FOLLOWS: Final = """
MATCH ()-[e:<edges>]->() WHERE e.<mine> = $account AND e.id > $above AND e.id < $below
WITH e ORDER BY e.<mine> <order>, e.id <order>
MATCH ()-[s:<stands> {by: $reader, to: e.<theirs>}]->() WHERE s.follows
RETURN e.id, e.<theirs> LIMIT $limit
"""
# The same, found from the reader's side.
OF_THE_READERS_FOLLOWS: Final = """
MATCH ()-[f:<follows>]->() WHERE f.by = $reader AND f.id >= 0
WITH f.to AS other
MATCH ()-[s:<stands> {<mine>: $account, <theirs>: other}]->()
WHERE s.follows AND s.follow_id > $above AND s.follow_id < $below
RETURN s.follow_id, other ORDER BY s.follow_id <order> LIMIT $limit
"""
SUGGESTIONS: Final = """
MATCH ()-[f:<follows>]->() WHERE f.by = $reader AND f.id >= 0
WITH f ORDER BY f.by DESC, f.id DESC LIMIT $friends
WITH f.to AS friend
CALL (friend) {
    MATCH ()-[f:<follows>]->() WHERE f.by = friend AND f.id >= 0
    RETURN f.to AS other ORDER BY f.by DESC, f.id DESC LIMIT $friends_of_friend
}
WITH other, count(*) AS paths
WHERE other <> $reader AND (paths < $paths OR paths = $paths AND other > $after)
    AND NOT EXISTS { ()-[s:<stands> {by: $reader, to: other}]->()
        WHERE s.follows OR s.blocks OR s.mutes }
    AND NOT EXISTS { ()-[s:<stands> {by: other, to: $reader}]->() WHERE s.blocks }
RETURN paths, other ORDER BY paths DESC, other LIMIT $limit
"""
# What every page asks comes as one row: the driver takes as long for each row as for all that is
# in it.
COUNTS: Final = """
UNWIND $ids AS id MATCH (a:<account> {id: id})
RETURN collect([id, COUNT { (a)<-[:<follows>]-() }, COUNT { (a)-[:<follows>]->() }])
"""
RELATIONS: Final = """
UNWIND $pairs AS pair
WITH pair[0] AS reader, pair[1] AS id
OPTIONAL MATCH ()-[mine:<stands> {by: reader, to: id}]->()
OPTIONAL MATCH ()-[theirs:<stands> {by: id, to: reader}]->()
WITH reader, id, mine, theirs WHERE mine IS NOT NULL OR theirs IS NOT NULL
RETURN collect([reader, id, coalesce(mine.follows, false), coalesce(theirs.follows, false),
    coalesce(mine.blocks, false), coalesce(theirs.blocks, false), coalesce(mine.mutes, false)])
"""
FOLLOW: Final = """
MATCH ()-[s:<stands> {by: $follower, to: $followed}]->() WHERE s.follows RETURN s.follow_id
"""
