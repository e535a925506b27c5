"""The write side of home timelines: pushing, backfilling, crossing the threshold, trimming.

Everything here runs in the transaction of the batch (or of a rebuild) it belongs to, after the
batch's facts are in `items` and `ties`. So no two of them race, and at every commit a cache holds
each item above its floor that its reader's home has or may get by an unmute, less pulled ones.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from domain.ids import ID_MAX, AccountId
from infra.sqlite.home_merge import merged
from projections.home_timelines import AddPost, DropAccount, Operation, SetRepost, SetTie

# An author goes back to being pushed below this share of the threshold.
HYSTERESIS: Final = 0.8
# Bounds what one batch spends on readers who were not seen for long.
EXPIRED_PER_BATCH: Final = 5

_PULLED_BELOW: Final = "COALESCE((SELECT pulled_below FROM authors WHERE account_id = {}), 0)"
_PUSH: Final = f"""
INSERT OR IGNORE INTO entries (reader_id, item_id, actor_id)
SELECT t.reader_id, i.item_id, i.actor_id FROM items i
CROSS JOIN ties t INDEXED BY followers ON t.other_id = i.actor_id AND t.follows = 1
CROSS JOIN caches c ON c.reader_id = t.reader_id AND c.floor < i.item_id
WHERE i.actor_id = ?1 AND i.item_id = ?2 AND i.item_id >= {_PULLED_BELOW.format("?1")}
"""
# What one posts oneself is pushed to oneself, however many others follow.
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
CROSS JOIN items i ON i.actor_id = t.other_id AND i.item_id > c.floor
    AND i.item_id >= {_PULLED_BELOW.format("?2")}
WHERE t.reader_id = ?1 AND t.other_id = ?2 AND t.follows = 1
ORDER BY i.item_id DESC LIMIT ?3 + 1
"""
_MARK_PULLED: Final = """
UPDATE ties SET pulled = 1 WHERE reader_id = ? AND other_id = ? AND follows = 1 AND pulled = 0
AND EXISTS (SELECT 1 FROM authors WHERE account_id = other_id AND pulled_below > 0)
"""
_MARK_ALL_PULLED: Final = (
    "UPDATE ties SET pulled = 1 WHERE other_id = ? AND follows = 1 AND pulled = 0"
)
_BEGIN_TO_PULL: Final = f"""
UPDATE authors SET pulled_below = {ID_MAX}
WHERE {{which}} AND followers >= :threshold AND pulled_below < {ID_MAX} RETURNING account_id
"""
_BEGIN_TO_PUSH: Final = f"""
UPDATE authors SET pulled_below = COALESCE(
    (SELECT MAX(item_id) + 1 FROM items WHERE actor_id = account_id), 0)
WHERE {{which}} AND followers < :threshold * {HYSTERESIS} AND pulled_below = {ID_MAX}
"""
_TOUCHED: Final = "account_id IN (SELECT value FROM json_each(:touched))"
_RAISE_FLOOR: Final = """
UPDATE caches SET floor = MAX(floor, COALESCE((SELECT item_id FROM entries
    WHERE reader_id = ?1 ORDER BY item_id DESC LIMIT 1 OFFSET ?2), 0)) WHERE reader_id = ?1
"""
_CUT: Final = """
DELETE FROM entries WHERE reader_id = ?1
AND item_id <= (SELECT floor FROM caches WHERE reader_id = ?1)
"""
_FILL: Final = f"""{merged("kept")}
INSERT INTO entries (reader_id, item_id, actor_id) SELECT :reader, item_id, actor_id FROM merged
"""
_EXPIRED: Final = """
SELECT reader_id FROM caches WHERE last_read_ms < ? ORDER BY last_read_ms LIMIT ?
"""
_NEXT_CACHES: Final = "SELECT reader_id FROM caches WHERE reader_id > ? ORDER BY reader_id LIMIT ?"

Pair = tuple[AccountId, AccountId]


class FanOut:
    """Keeps caches complete above their floors. `threshold` and `depth` as `HomeTimelines` says."""

    def __init__(self, *, threshold: float, depth: int) -> None:
        self._threshold = threshold
        self._depth = depth
        # Entries pushed since their worth of caches was trimmed, and the last cache trimmed.
        self._untrimmed = 0
        self._trimmed_up_to = 0

    def follow(self, writer: sqlite3.Connection, operations: Sequence[Operation]) -> None:
        """Do what follows from a batch whose facts are written."""
        ties = [(o.reader_id, o.other_id) for o in operations if isinstance(o, SetTie)]
        if ties:
            self._cross_threshold(writer, {other for _, other in ties})
            self._backfill(writer, ties)
        closed = [o.account_id for o in operations if isinstance(o, DropAccount)]
        if closed:
            evict(writer, closed)
        self._push(writer, operations)
        self._trim_some(writer)

    def adopt_threshold(self, writer: sqlite3.Connection) -> None:
        """Let every author cross who stands on the other side of a threshold that has changed."""
        before = writer.execute("SELECT threshold FROM thresholds").fetchone()
        if before == (self._threshold,):
            return
        writer.execute("DELETE FROM thresholds")
        writer.execute("INSERT INTO thresholds VALUES (?)", (self._threshold,))
        self._cross(writer, "1", {"threshold": self._threshold})

    def rebuild(self, writer: sqlite3.Connection, reader_id: AccountId, now_ms: int) -> None:
        """Keep a home ready for a reader who has none ready, from now on."""
        evict(writer, [reader_id])
        writer.execute("INSERT INTO caches VALUES (?, 0, ?)", (reader_id, now_ms))
        writer.execute(_FILL, {"reader": reader_id, "limit": self._depth + 1})
        self._trim(writer, [reader_id])

    def _cross_threshold(self, writer: sqlite3.Connection, touched: Iterable[AccountId]) -> None:
        ids = orjson.dumps(list(touched))
        self._cross(writer, _TOUCHED, {"threshold": self._threshold, "touched": ids})

    def _cross(self, writer: sqlite3.Connection, which: str, bounds: dict[str, Any]) -> None:
        pulled = writer.execute(_BEGIN_TO_PULL.format(which=which), bounds).fetchall()
        writer.executemany(_MARK_ALL_PULLED, pulled)
        writer.execute(_BEGIN_TO_PUSH.format(which=which), bounds)

    def _backfill(self, writer: sqlite3.Connection, ties: Sequence[Pair]) -> None:
        writer.executemany(_MARK_PULLED, ties)
        filled = writer.executemany(_BACKFILL, [(*tie, self._depth) for tie in ties])
        if filled.rowcount:
            self._trim(writer, {reader for reader, _ in ties})

    def _push(self, writer: sqlite3.Connection, operations: Sequence[Operation]) -> None:
        items: list[tuple[int, int]] = []
        for operation in operations:
            match operation:
                case AddPost(author_id, post_id):
                    items.append((author_id, post_id))
                case SetRepost(account_id=account_id, item_id=item_id, on=True):
                    items.append((account_id, item_id))
                case _:
                    pass
        writer.executemany(_PUSH_TO_SELF, items)
        self._untrimmed += writer.executemany(_PUSH, items).rowcount

    def _trim_some(self, writer: sqlite3.Connection) -> None:
        """Trim one cache for each quarter depth of pushed entries, in turns: what trimming costs
        and what waits for it stay in proportion to what is pushed."""
        turns, self._untrimmed = divmod(self._untrimmed, self._depth // 4 + 1)
        if not turns:
            return
        readers = [
            reader for (reader,) in writer.execute(_NEXT_CACHES, (self._trimmed_up_to, turns))
        ]
        self._trimmed_up_to = readers[-1] if len(readers) == turns else 0
        self._trim(writer, readers)

    def _trim(self, writer: sqlite3.Connection, readers: Iterable[AccountId]) -> None:
        """Cut caches to the depth; what is cut is below the floor from then on."""
        readers = list(readers)
        writer.executemany(_RAISE_FLOOR, [(reader, self._depth) for reader in readers])
        writer.executemany(_CUT, [(reader,) for reader in readers])


def evict(writer: sqlite3.Connection, readers: Iterable[AccountId]) -> None:
    """Forget these readers' caches."""
    rows = [(reader,) for reader in readers]
    writer.executemany("DELETE FROM caches WHERE reader_id = ?", rows)
    writer.executemany("DELETE FROM entries WHERE reader_id = ?", rows)


def expire(writer: sqlite3.Connection, unread_since_ms: int) -> None:
    """Evict some of the readers last seen before then."""
    rows = writer.execute(_EXPIRED, (unread_since_ms, EXPIRED_PER_BATCH)).fetchall()
    evict(writer, [reader for (reader,) in rows])


def visited(writer: sqlite3.Connection, reader_id: AccountId, at_ms: int) -> bool:
    """Write down that a reader reads; False if nothing is kept ready for them."""
    sql = "UPDATE caches SET last_read_ms = MAX(last_read_ms, ?) WHERE reader_id = ?"
    return writer.execute(sql, (at_ms, reader_id)).rowcount > 0
