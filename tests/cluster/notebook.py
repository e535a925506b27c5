"""A projection that notes what it is given, in one file that several workers write.

Beside what was applied it keeps every step in order, so that it shows afterwards whether a
checkpoint ever said more than was there.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from domain.events import LikeAdded, Recorded, TweetPosted
from infra.claims import Claims
from projections.projection import Projection, StoreUnavailable, Superseded

POISON: Final = "poison"
# Several processes write in turn, and one of them may be starved while it does.
LOCK_S: Final = 120.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS noted (
    step INTEGER PRIMARY KEY AUTOINCREMENT, partition INTEGER NOT NULL, position INTEGER NOT NULL,
    event_id INTEGER NOT NULL, writer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoints (
    step INTEGER NOT NULL, partition INTEGER NOT NULL, position INTEGER NOT NULL,
    writer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS claims (partition INTEGER PRIMARY KEY, epoch INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refused (writer TEXT NOT NULL, partition INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_place ON noted (partition, position, step);
CREATE INDEX IF NOT EXISTS highest ON checkpoints (partition, position);
"""
_CLAIM: Final = """INSERT INTO claims VALUES (?, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1
RETURNING partition, epoch"""
_HIGHEST: Final = "SELECT partition, MAX(position) FROM checkpoints GROUP BY partition"


class Noted(NamedTuple):
    """An event, and where it stands."""

    partition: int
    position: int
    event_id: int


def project(batch: Sequence[Recorded]) -> Sequence[Noted]:
    """The operations of a batch; a tweet may be poison."""
    for recorded in batch:
        event = recorded.event
        if isinstance(event, TweetPosted) and event.personal and event.personal.text == POISON:
            raise ValueError("a bug of the projector")
    return [Noted(one.partition, one.position, one.event.event_id) for one in batch]


NOTEBOOK: Final = Projection("notebook", 1, frozenset({TweetPosted, LikeAdded}), project)


class Notebook:
    """The store. Writing takes `slow_s`, so that there is a middle to be interrupted in."""

    def __init__(self, path: Path, *, writer: str = "", slow_s: float = 0.0) -> None:
        self._path = path
        self._writer = writer
        self._slow_s = slow_s
        self._claims = Claims()
        self.outages: list[Exception] = []
        with self._open() as file:
            file.execute("PRAGMA journal_mode = WAL")
            file.executescript(_SCHEMA)

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""
        with self._open() as file, file:
            file.execute("BEGIN IMMEDIATE")
            epochs = [file.execute(_CLAIM, (one,)).fetchone() for one in partitions]
        self._claims.note(dict(epochs))

    async def apply(self, operations: Sequence[Noted], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        if self.outages:
            raise self.outages.pop()
        await asyncio.sleep(self._slow_s)
        self._batch_of(self._writer).touch()
        with self._open() as file, file:
            file.execute("BEGIN IMMEDIATE")
            self._check(file, checkpoint)
            rows = [(*noted, self._writer) for noted in operations]
            file.executemany(
                "INSERT INTO noted (partition, position, event_id, writer) VALUES (?, ?, ?, ?)",
                rows,
            )
            file.executemany(
                "INSERT INTO checkpoints SELECT COALESCE(MAX(step), 0), ?, ?, ? FROM noted",
                [(*place, self._writer) for place in checkpoint.items()],
            )
        self._batch_of(self._writer).unlink()

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        if self.outages:
            raise self.outages.pop()
        if self._path.with_suffix(".bug").exists():
            raise ZeroDivisionError("a bug")
        if self._path.with_suffix(".down").exists():
            raise StoreUnavailable("down")
        return self.highest()

    def _check(self, file: sqlite3.Connection, checkpoint: Mapping[int, int]) -> None:
        kept = dict(file.execute("SELECT partition, epoch FROM claims"))
        try:
            self._claims.check(checkpoint, kept)
        except Superseded as error:
            refused = [(self._writer, partition) for partition in error.partitions]
            file.executemany("INSERT INTO refused VALUES (?, ?)", refused)
            file.execute("COMMIT")
            raise

    def refused(self) -> set[str]:
        """The writers of whom something was refused."""
        with self._open() as file:
            return {writer for (writer,) in file.execute("SELECT writer FROM refused")}

    def _batch_of(self, writer: str) -> Path:
        return self._path.with_suffix(f".{writer}_writes")

    def have_an_outage(self) -> None:
        """From now on, in every process."""
        self._path.with_suffix(".down").touch()

    def have_a_bug(self) -> None:
        """From now on, in every process."""
        self._path.with_suffix(".bug").touch()

    def highest(self) -> dict[int, int]:
        with self._open() as file:
            return dict(file.execute(_HIGHEST))

    def noted(self) -> list[Noted]:
        """Each event once, by place."""
        with self._open() as file:
            found = file.execute("SELECT DISTINCT partition, position, event_id FROM noted")
            return sorted(Noted(*row) for row in found)

    def steps(self) -> int:
        with self._open() as file:
            return int(file.execute("SELECT COUNT(*) FROM noted").fetchone()[0])

    def writers(self) -> Counter[str]:
        """Who has noted how much."""
        with self._open() as file:
            return Counter(writer for (writer,) in file.execute("SELECT writer FROM noted"))

    def is_writing(self, writer: str) -> bool:
        """Whether it is at a batch now."""
        return self._batch_of(writer).exists()

    def promises_too_much(self) -> list[tuple[int, int]]:
        """Checkpoints behind which something was missing when they were written."""
        with self._open() as file:
            return list(
                file.execute(
                    """SELECT c.partition, c.position FROM checkpoints c WHERE c.position > (
                    SELECT COUNT(DISTINCT n.position) FROM noted n WHERE n.partition = c.partition
                    AND n.position <= c.position AND n.step <= c.step)"""
                )
            )

    def _open(self) -> "closing[sqlite3.Connection]":
        try:
            file = sqlite3.connect(self._path, timeout=LOCK_S, isolation_level=None)
            # Processes die here, machines do not: nobody has to wait for the disk.
            file.execute("PRAGMA synchronous = OFF")
            return closing(file)
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error


class HeldNotebook(Notebook):
    """One whose batches wait until it is let go; `begun` says that one does."""

    def __init__(self, path: Path, *, writer: str = "") -> None:
        super().__init__(path, writer=writer)
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()

    async def apply(self, operations: Sequence[Noted], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        self.begun.set()
        await self.let_go.wait()
        await super().apply(operations, checkpoint)
