"""One SQL statement that merges the items of many actors by id: the pull side of home timelines.

A recursive query of SQLite with ORDER BY is a priority queue. It begins with each actor's item
nearest to where the page starts; whenever an actor's item is taken, that actor's next one is
looked up. So a page costs one index seek for each actor and one for each item, however much the
actors post.
"""

from typing import Final, Literal

from domain.ids import ID_MAX

Source = Literal["followed", "pulled", "kept"]

# Who is merged, and between which ids (exclusive).
_ACTORS: Final[dict[Source, str]] = {
    "followed": """SELECT :reader, :above, :below
        UNION ALL SELECT other_id, :above, :below FROM ties
        WHERE reader_id = :reader AND follows = 1 AND hides = 0""",
    "pulled": """SELECT t.other_id, :above, MIN(:below, a.pulled_below)
        FROM ties t INDEXED BY pulled_ties CROSS JOIN authors a ON a.account_id = t.other_id
        WHERE t.reader_id = :reader AND t.pulled = 1 AND t.follows = 1 AND t.hides = 0""",
    # What is kept ready for a reader includes what is hidden now: it may be shown again.
    "kept": f"""SELECT :reader, 0, {ID_MAX}
        UNION ALL SELECT other_id, CASE pulled WHEN 0 THEN 0 ELSE
            (SELECT pulled_below - 1 FROM authors WHERE account_id = other_id) END, {ID_MAX}
        FROM ties WHERE reader_id = :reader AND follows = 1""",
}
# A repost is hidden with the author of its post too.
SHOWN: Final = """(i.post_author_id = i.actor_id OR NOT EXISTS (SELECT 1 FROM ties h
    WHERE h.reader_id = :reader AND h.other_id = i.post_author_id AND h.hides = 1))"""


def merged(source: Source, *, upwards: bool = False) -> str:
    """The WITH clause of `merged` (item_id, actor_id): the first :limit items of the merge, from
    the newest down or, `upwards`, from the oldest up."""
    shown = "1" if source == "kept" else SHOWN
    order = "ASC" if upwards else "DESC"
    nearest = f"""SELECT i.item_id FROM items i WHERE i.actor_id = {{actor}}
        AND i.item_id > {{lowest}} AND i.item_id < {{highest}} AND {shown}
        ORDER BY i.item_id {order} LIMIT 1"""
    first = nearest.format(actor="a.actor_id", lowest="a.lowest", highest="a.highest")
    taken = {"lowest": "m.item_id"} if upwards else {"highest": "m.item_id"}
    following = nearest.format(
        **{"actor": "m.actor_id", "lowest": "m.lowest", "highest": "m.highest"} | taken
    )
    return f"""
WITH RECURSIVE actors (actor_id, lowest, highest) AS ({_ACTORS[source]}),
heads (item_id, actor_id, lowest, highest) AS (
    SELECT ({first}) AS head, * FROM actors a ORDER BY head {order} NULLS LAST LIMIT :limit),
merged (item_id, actor_id, lowest, highest) AS (
    SELECT * FROM heads WHERE item_id IS NOT NULL
    UNION ALL
    SELECT n.item_id, n.actor_id, m.lowest, m.highest FROM merged m
    CROSS JOIN items n ON n.actor_id = m.actor_id AND n.item_id = ({following})
    ORDER BY 1 {order} LIMIT :limit)
"""
