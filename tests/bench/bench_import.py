"""How fast real follows and posts come in, beside SQLite alone inserting the very same rows.

Run with `python -m tests.bench.bench_import` (the data sets are kept beside the checkout;
STARLING_SHARED says where else). The import decides each follow and post as a command does, seals
what people wrote, and commits in groups; SQLite alone gets the rows that came of it, ready-made, in
transactions of the log's greatest group, synced alike.
"""

import asyncio
import gzip
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Final

from infra import interpreter
from infra.importing.imports import Files
from infra.sqlite.connections import connect, transaction
from infra.sqlite.event_log import GROUP_MAX
from infra.sqlite.recorder import create_log
from tests.bench.bench_text import SHARED
from tests.bench.figures import Figure, Figures
from tests.write_side import WriteSide

FOLLOWS: Final = SHARED / "data" / "graph" / "higgs_follow_prefix.tsv.gz"
POSTS: Final = SHARED / "data" / "posts" / "weibo_ced_posts.jsonl.gz"
WHOLE: Final = sys.maxsize
QUICK_LINES: Final = 20_000

Row = tuple[Any, ...]


async def measure(figures: Figures, *, lines: int = WHOLE) -> None:
    """The follow graph, then posts in threads; up to so many lines of each file."""
    with TemporaryDirectory(prefix="starling-bench-") as scratch:
        folder = Path(scratch)
        follows, posts = _cut(FOLLOWS, folder, lines), _cut(POSTS, folder, lines)
        await _measure("follows", Files(follows=(follows,), namespace="x"), folder, figures)
        await _measure("posts", Files(posts=(posts,), namespace="x"), folder, figures)


async def _measure(name: str, files: Files, folder: Path, figures: Figures) -> None:
    began = process_time()
    with WriteSide(folder / name) as side:
        summary = await side.imports.run(files, lambda _progress: None)
    cpu_s = process_time() - began
    raw = _raw_rows_per_s(folder / name / "log.db", folder / f"{name}.raw.db")
    cost = f"{summary.events:,} events, {cpu_s / summary.events * 1e6:.0f} us of CPU each"
    figures.add(Figure(f"SQLite alone, the rows of {name}", raw, "rows/s"))
    figures.add(
        Figure(
            f"Import of {name}",
            summary.events_per_s,
            "events/s",
            against="SQLite alone",
            ratio=summary.events_per_s / raw,
            note=cost,
        )
    )


def _raw_rows_per_s(log: Path, copy: Path) -> float:
    """How many rows of both of the log's tables SQLite inserts in a second."""
    create_log(copy)
    with closing(connect(copy, synchronous="FULL")) as target, _rows_of(log) as tables:
        inserted, taken_s = 0, 0.0
        for table, rows in tables.items():
            while group := list(islice(rows, GROUP_MAX)):
                sql = f"INSERT INTO {table} VALUES ({','.join('?' * len(group[0]))})"  # noqa: S608
                began = perf_counter()
                with transaction(target):
                    target.executemany(sql, group)
                taken_s += perf_counter() - began
                inserted += len(group) if table == "stored_events" else 0
    return inserted / taken_s


@contextmanager
def _rows_of(log: Path) -> Iterator[dict[str, sqlite3.Cursor]]:
    with closing(connect(log)) as source:
        yield {
            table: source.execute(f"SELECT * FROM {table}")  # noqa: S608
            for table in ("stored_events", "receipts")
        }


def _cut(path: Path, folder: Path, lines: int) -> str:
    if lines == WHOLE:
        return str(path)
    cut = folder / path.name.removesuffix(".gz")
    with gzip.open(path) as source:
        cut.write_bytes(b"".join(islice(source, lines)))
    return str(cut)


if __name__ == "__main__":
    interpreter.tune()
    asyncio.run(measure(Figures(), lines=QUICK_LINES if "--quick" in sys.argv else WHOLE))
