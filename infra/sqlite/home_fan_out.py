"""The write side of home timelines: pushing, backfilling, crossing the threshold, trimming.

Everything here runs in the transaction of the batch (or of a rebuild) it belongs to, after the
batch's facts are in `items` and `ties`. So no two of them ever race, and at every commit a cache
holds each item of its reader's home that is above its floor and not pulled.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from domain.ids import ID_MAX, AccountId
from infra.sqlite.home_merge import merge_sql
from projections.home_timelines import AddPost, DropAccount, SetRepost, SetTie

# An author goes back to being pushed below this share of the threshold.
HYSTERESIS: Final = 0.8
EXPIRED_PER_BATCH: Final = 5

_PULLED_BELOW: Final = "COALESCE((SELECT pulled_below FROM authors WHERE account_id = {}), 0)"
_PUSH: Final = f"""
INSERT OR IGNORE INTO entries (reader_id, item_id, actor_id)
SELECT t.reader_id, i.item_id, i.actor_id FROM items i
CROSS JOIN ties t INDEXED BY followers ON t.other_id = i.actor_id AND t.follows = 1
CROSS JOIN caches c ON c.reader_id = t.reader_id AND c.floor < i.item_id
WHERE i.actor_id = ?1 AND i.item_id = ?2 AND i.item_id >= {_PULLED_BELOW.format("?1")}
"""
# What one posts oneself is always pushed to oneself.
_PUSH_TO_SELF: Final = """
INSERT OR IGNORE INTO entries (reader_id, item_id, actor_id)
SELECT i.actor_id, i.item_id, i.actor_id FROM items i
CROSS JOIN caches c ON c.reader_id = i.actor_id AND c.floor < i.item_id
WHERE i.actor_id = ?1 AND i.item_id = ?2
"""
# One more than is kept: then trimming sees that there is more, and raises the floor.
_BACKFILL: Final = f"""
INSERT OR IGNORE INTO entries (reader_id, item_id, actor_id)
SELECT t.reader_id, i.item_id, i.actor_id FROM ties t
CROSS JOIN caches c ON c.reader_id = t.reader_id
CROSS JOIN items i ON i.actor_id = t.other_id
    AND i.item_id > MAX(c.floor, {_PULLED_BELOW.format("?2")} - 1)
WHERE t.reader_id = ?1 AND t.other_id = ?2 AND t.follows = 1
ORDER BY i.item_id DESC LIMIT ?3 + 1
"""
_MARK_PULLED: Final = """
UPDATE ties SET pulled = 1 WHERE reader_id = ?1 AND other_id = ?2 AND follows = 1 AND pulled = 0
AND EXISTS (SELECT 1 FROM authors WHERE account_id = ?2 AND pulled_below > 0)
"""
_AMONG: Final = "account_id IN (SELECT value FROM json_each(?))"
_TO_PULL: Final = f"""
UPDATE authors SET pulled_below = {ID_MAX}
WHERE followers >= ? AND pulled_below < {ID_MAX} AND {{among}} RETURNING account_id
"""
_TO_PUSH: Final = f"""
UPDATE authors SET pulled_below = COALESCE(
    (SELECT MAX(item_id) + 1 FROM items WHERE actor_id = account_id), 0)
WHERE followers < ? AND pulled_below = {ID_MAX} AND {{among}}
"""
_MARK_ALL_PULLED: Final = "UPDATE ties SET pulled = 1 WHERE other_id = ? AND follows = 1"
_RAISE_FLOOR: Final = """
UPDATE caches SET floor = MAX(floor, COALESCE((SELECT item_id FROM entries
    WHERE reader_id = ?1 ORDER BY item_id DESC LIMIT 1 OFFSET ?2), 0)) WHERE reader_id = ?1
"""
_CUT: Final = """
DELETE FROM entries WHERE reader_id = ?1
AND item_id <= (SELECT floor FROM caches WHERE reader_id = ?1)
"""
_EXPIRE: Final = """
SELECT reader_id FROM caches WHERE last_read_ms < ? ORDER BY last_read_ms LIMIT ?
"""
_FILL: Final = f"""
{merge_sql("fill")}
INSERT INTO entries (reader_id, item_id, actor_id) SELECT :reader, item_id, actor_id FROM merged
"""
