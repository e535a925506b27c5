"""The write side of home timelines: pushing, backfilling, crossing the threshold.

Everything here runs in the transaction of the batch (or of a rebuild) it belongs to, after the
batch's facts are in `items` and `ties` and before it is committed. So no two of them race, and
whoever reads a commit finds in a ready home each item above its floor that the reader's home has,
less pulled ones. Whoever unfollows, mutes or blocks, or does the reverse of the last two, is kept
ready no longer: rare, and made good by their next read. What is rolled back leaves items there
that are not live: reading passes over them, and the batch comes again.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from domain.ids import ID_MAX, AccountId
from infra.sqlite.home_merge import merged
from infra.sqlite.home_ready import ReadyHome, ReadyHomes
from projections.home_timelines import AddPost, DropAccount, Operation, SetRepost, SetTie

# An author goes back to being pushed below this share of the threshold.
HYSTERESIS: Final = 0.8

# The readers whose ties a batch turned so that their homes lose or regain what was there before.
_TURNED: Final = (
    "CREATE TEMP TABLE turned (reader_id INTEGER)",
    """CREATE TEMP TRIGGER hidden_at_first AFTER INSERT ON main.ties WHEN NEW.hides = 1 BEGIN
        INSERT INTO turned VALUES (NEW.reader_id);
    END""",
    """CREATE TEMP TRIGGER left_or_hidden AFTER UPDATE ON main.ties
    WHEN OLD.follows > NEW.follows OR OLD.hides <> NEW.hides BEGIN
        INSERT INTO turned VALUES (NEW.reader_id);
    END""",
)
_PULLED_BELOW: Final = "SELECT pulled_below FROM authors WHERE account_id = ?"
# One row, for each row read would hand the interpreter to another thread and back.
_FOLLOWERS: Final = """
SELECT json_group_array(reader_id) FROM ties INDEXED BY followers WHERE other_id = ? AND follows = 1
"""
# One more than is kept: then trimming sees that there is more, and raises the floor.
_BACKFILL: Final = f"""
SELECT i.item_id FROM ties t CROSS JOIN items i ON i.actor_id = t.other_id AND i.item_id > ?3
    AND i.item_id >= COALESCE(({_PULLED_BELOW.replace("?", "?2")}), 0)
WHERE t.reader_id = ?1 AND t.other_id = ?2 AND t.follows = 1
ORDER BY i.item_id DESC LIMIT ?4 + 1
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
_PULLS: Final = """SELECT EXISTS (SELECT 1 FROM ties INDEXED BY pulled_ties
    WHERE reader_id = ? AND pulled = 1 AND follows = 1)"""
_HIDDEN: Final = "SELECT other_id FROM ties WHERE reader_id = ? AND hides = 1"
_TOUCHED: Final = "account_id IN (SELECT value FROM json_each(:touched))"
_FILL: Final = f"{merged('kept')} SELECT item_id FROM merged ORDER BY item_id"

Pair = tuple[AccountId, AccountId]


class FanOut:
    """Keeps ready homes complete above their floors. `threshold` as `HomeTimelines` says."""

    def __init__(self, ready: ReadyHomes, *, threshold: float) -> None:
        self._ready = ready
        self._threshold = threshold

    def watch(self, writer: sqlite3.Connection) -> None:
        """Learn from now on whose ties turn. Before anything is written."""
        for statement in _TURNED:
            writer.execute(statement)

    def follow(self, writer: sqlite3.Connection, operations: Sequence[Operation]) -> None:
        """Do what follows from a batch whose facts are written."""
        ties = [(o.reader_id, o.other_id) for o in operations if isinstance(o, SetTie)]
        if ties:
            self._evict_turned(writer)
            self._cross_threshold(writer, {other for _, other in ties})
            self._backfill(writer, ties)
        self._ready.evict([o.account_id for o in operations if isinstance(o, DropAccount)])
        self._push(writer, operations)

    def undo(self, operations: Sequence[Operation]) -> None:
        """A batch was rolled back: what it did to homes by ties did not happen."""
        self._ready.evict([o.reader_id for o in operations if isinstance(o, SetTie)])

    def adopt_threshold(self, writer: sqlite3.Connection) -> None:
        """Let every author cross who stands on the other side of a threshold that has changed."""
        before = writer.execute("SELECT threshold FROM thresholds").fetchone()
        if before == (self._threshold,):
            return
        writer.execute("DELETE FROM thresholds")
        writer.execute("INSERT INTO thresholds VALUES (?)", (self._threshold,))
        self._cross(writer, "1", {"threshold": self._threshold})

    def rebuild(self, writer: sqlite3.Connection, reader_id: AccountId, now_ms: int) -> None:
        """Keep a home ready for a reader from now on."""
        wanted = {"reader": reader_id, "limit": self._ready.depth + 1}
        newest = [item_id for (item_id,) in writer.execute(_FILL, wanted)]
        hidden = frozenset(other for (other,) in writer.execute(_HIDDEN, (reader_id,)))
        pulls = self._pulls(writer, reader_id)
        self._ready.keep(reader_id, newest, now_ms, hidden=hidden, pulls=pulls)

    def _evict_turned(self, writer: sqlite3.Connection) -> None:
        turned = [reader for (reader,) in writer.execute("SELECT reader_id FROM turned")]
        if turned:
            self._ready.evict(turned)
            writer.execute("DELETE FROM turned")

    def _cross_threshold(self, writer: sqlite3.Connection, touched: Iterable[AccountId]) -> None:
        ids = orjson.dumps(list(touched))
        self._cross(writer, _TOUCHED, {"threshold": self._threshold, "touched": ids})

    def _cross(self, writer: sqlite3.Connection, which: str, bounds: dict[str, Any]) -> None:
        pulled = writer.execute(_BEGIN_TO_PULL.format(which=which), bounds).fetchall()
        writer.executemany(_MARK_ALL_PULLED, pulled)
        for (author,) in pulled:
            for home in self._followers(writer, author):
                home.pulls = True
        writer.execute(_BEGIN_TO_PUSH.format(which=which), bounds)

    def _backfill(self, writer: sqlite3.Connection, ties: Sequence[Pair]) -> None:
        writer.executemany(_MARK_PULLED, ties)
        for reader, other in ties:
            home = self._ready.get(reader)
            if home is not None:
                home.pulls = self._pulls(writer, reader)
                bounds = (reader, other, home.floor, self._ready.depth)
                home.add([item_id for (item_id,) in writer.execute(_BACKFILL, bounds)])
                home.trim(self._ready.depth)

    def _push(self, writer: sqlite3.Connection, operations: Sequence[Operation]) -> None:
        items: list[tuple[int, AccountId]] = []
        for operation in operations:
            match operation:
                case AddPost(author_id, post_id):
                    items.append((post_id, author_id))
                case SetRepost(account_id=account_id, item_id=repost_id, on=True):
                    items.append((repost_id, account_id))
                case _:
                    pass
        pushed = {actor: self._pushed_to(writer, actor) for actor in {actor for _, actor in items}}
        for item_id, actor in sorted(items):
            pulled_below, homes = pushed[actor]
            # What one posts oneself is pushed to oneself, however many others follow.
            self._ready.push(item_id, self._ready.of([actor]))
            if item_id >= pulled_below:
                self._ready.push(item_id, homes)

    def _pushed_to(
        self, writer: sqlite3.Connection, actor_id: AccountId
    ) -> tuple[int, Sequence[ReadyHome]]:
        """The ready homes of an actor's followers, and below which item nothing is pushed."""
        (pulled_below,) = writer.execute(_PULLED_BELOW, (actor_id,)).fetchone() or (0,)
        if pulled_below == ID_MAX or not self._ready:
            return pulled_below, ()
        return pulled_below, self._followers(writer, actor_id)

    def _followers(self, writer: sqlite3.Connection, actor_id: AccountId) -> Sequence[ReadyHome]:
        (followers,) = writer.execute(_FOLLOWERS, (actor_id,)).fetchone()
        return self._ready.of(orjson.loads(followers))

    def _pulls(self, writer: sqlite3.Connection, reader_id: AccountId) -> bool:
        return bool(writer.execute(_PULLS, (reader_id,)).fetchone()[0])
