"""Where one post stands in a reader's home, and where a page has it from."""

import sqlite3
from bisect import bisect_left
from typing import Final

from domain.ids import AccountId, PostId
from infra.sqlite.home_merge import SHOWN
from infra.sqlite.home_ready import ReadyHome, ReadyHomes
from projections.home_timelines import PLACES_MAX, Place, Source, Whereabouts
from projections.items import Item

_POST: Final = "SELECT actor_id FROM items WHERE item_id = ?1 AND post_id = ?1"
_DELETED: Final = "SELECT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?)"
# Itself, and the reposts of the reader and of those they follow.
_PLACES: Final = f"""
WITH actors (actor_id) AS (SELECT :reader UNION ALL SELECT other_id FROM ties
    WHERE reader_id = :reader AND follows = 1 AND hides = 0)
SELECT i.item_id, i.post_id, i.post_author_id, NULL FROM items i INDEXED BY items_by_id
WHERE i.item_id = :post AND i.post_id = :post AND i.actor_id IN (SELECT actor_id FROM actors)
UNION ALL SELECT i.item_id, i.post_id, i.post_author_id, i.actor_id FROM actors a
CROSS JOIN reposts r ON r.account_id = a.actor_id AND r.post_id = :post AND r.live = 1
CROSS JOIN items i ON i.actor_id = r.account_id AND i.item_id = r.item_id
WHERE {SHOWN}
ORDER BY 1 DESC LIMIT {PLACES_MAX}
"""


def find_places(
    connection: sqlite3.Connection, ready: ReadyHomes, reader_id: AccountId, post_id: PostId
) -> Whereabouts:
    """See `HomeTimelines.find`."""
    author = connection.execute(_POST, (post_id,)).fetchone()
    (deleted,) = connection.execute(_DELETED, (post_id,)).fetchone()
    items = map(Item._make, connection.execute(_PLACES, {"reader": reader_id, "post": post_id}))
    home = ready.get(reader_id)
    places = [Place(item, _source(home, item.item_id)) for item in items]
    return Whereabouts(None if author is None else author[0], bool(deleted), places)


def _source(home: ReadyHome | None, item_id: int) -> Source:
    if home is None:
        return "away"
    ids = home.ids
    if item_id <= home.floor:
        return "trimmed"
    at = bisect_left(ids, item_id)
    return "pushed" if at < len(ids) and ids[at] == item_id else "large"
