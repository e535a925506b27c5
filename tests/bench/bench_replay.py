"""How fast each projection is built anew from the log in SQLite, against what reading the log alone
takes, and against `eventsourcing`'s own runner with the simplest of views.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from domain.events import TYPES, PostPosted, Recorded
from infra.folder import LOG_FILE
from infra.importing.imports import Imports
from infra.importing.outside import Outside
from infra.profiles.embedded import Embedded
from infra.replaying import replay
from infra.settings import Settings, load
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.feed import PARTITION, SqliteFeed
from infra.sqlite.import_index import SqliteImportIndex
from infra.sqlite.keyring import SqliteKeyring
from projections.projection import Projection
from streams.envelope import Codec
from streams.pipeline import Pipeline
from streams.rebuild import BATCH_MAX, Rebuilt, rebuild
from streams.registry import PROJECTIONS
from tests import large_log
from tests.bench import library_projection
from tests.bench.figures import Figure, Figures
from tests.bench.world import settings_of

AIM: Final = 0.5
ALL: Final = Projection("nothing", 1, frozenset(TYPES.values()), lambda _: ())
LIBRARY_EVENTS_MAX: Final = 10_000
LIBRARY_S_MAX: Final = 600.0


class Took(NamedTuple):
    """What became of some events: rates by the clock, and by this process's processor time, which
    others on the machine disturb less."""

    per_s: float
    per_cpu_s: float


class Timer:
    """From here on."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def took(self, events: int) -> Took:
        wall_s = time.perf_counter() - self._began[0]
        cpu_s = time.process_time() - self._began[1]
        return Took(events / wall_s, events / cpu_s)


async def make(folder: Path, events: int) -> Settings:
    """A folder with a log; nothing is projected yet."""
    settings, _ = load(settings_of(folder))
    with Embedded(settings, crashed=_crashed) as embedded:
        index = SqliteImportIndex(folder / LOG_FILE, embedded.keyring)
        outside = Outside(embedded.ports, embedded.keyring, index, folder)
        await Imports(outside).run(large_log.write(folder / "files", events), lambda _: None)
        index.close()
    return settings


class Nothing:
    """A store that keeps nothing but how far it is."""

    def __init__(self) -> None:
        self._checkpoint: dict[int, int] = {}

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        del operations
        self._checkpoint.update(checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        return self._checkpoint


class Reading:
    """Reads and decodes the whole log, and does nothing with it."""

    def __init__(self, folder: Path) -> None:
        self._keyring = SqliteKeyring(folder / "keys.db")
        self._feed = SqliteFeed(folder / LOG_FILE, Codec(self._keyring))
        self._letters = SqliteDeadLetters(folder / "dead_letters.db")
        self.head = self._feed.head(PARTITION)

    async def took(self) -> Took:
        timer, position = Timer(), 0
        while batch := await self._feed.read(PARTITION, position, BATCH_MAX):
            position = batch[-1].position
        return timer.took(position)

    async def dispatched(self) -> Took:
        """The same through the pipeline, to a projection that wants all and keeps nothing."""
        timer = Timer()
        pipeline = Pipeline(ALL, Nothing(), self._letters, stalled=lambda _name, _error: None)
        await rebuild(pipeline, self._feed, {PARTITION: self.head}, report=lambda _: None)
        return timer.took(self.head)

    async def posts(self, limit: int) -> list[tuple[int, int, str]]:
        """The first posts, for the library."""
        found: list[tuple[int, int, str]] = []
        position = 0
        while len(found) < limit and (batch := await self._feed.read(PARTITION, position, 2_000)):
            position = batch[-1].position
            for fed in batch:
                if isinstance(fed, Recorded) and isinstance(fed.event, PostPosted):
                    event = fed.event
                    text = event.personal.text if event.personal else ""
                    found.append((event.post_id, event.actor_id, text))
        return found[:limit]

    def close(self) -> None:
        self._letters.close()
        self._feed.close()
        self._keyring.close()


async def rebuilt(settings: Settings, projection: Projection, folder: Path) -> Took:
    """Events of the log, in one whole rebuild into a file that was not there."""
    last = Rebuilt(0, 0, 0, 0.0)

    def report(told: Rebuilt) -> None:
        nonlocal last
        last = told

    timer = Timer()
    one = await replay(settings, projection, report)
    took = timer.took(last.done)
    for file in (folder / "projections").glob(f"{projection.name}.v*.g{one.number}.db*"):
        file.unlink()
    return took


def library(folder: Path, posts: list[tuple[int, int, str]], turn: int) -> Took:
    """The library's runner."""
    path = str(folder / f"library{turn}")
    library_projection.fill(path, posts)
    timer = Timer()
    library_projection.project(path, len(posts), LIBRARY_S_MAX)
    return timer.took(len(posts))


async def measure(figures: Figures, folder: Path, events: int, rounds: int) -> None:
    """Everything in turns, so that what disturbs one disturbs the others."""
    settings = await make(folder, events)
    reading = Reading(folder)
    posts = await reading.posts(LIBRARY_EVENTS_MAX)
    read, dispatched, theirs = list[Took](), list[Took](), list[Took]()
    built: dict[str, list[Took]] = {one.name: [] for one in PROJECTIONS}
    for turn in range(rounds):
        theirs.append(await asyncio.to_thread(library, folder, posts, turn))
        for projection in PROJECTIONS:
            read.append(await reading.took())
            dispatched.append(await reading.dispatched())
            built[projection.name].append(await rebuilt(settings, projection, folder))
    figures.add(figure("Log read and decoded", read, note=f"{reading.head:,} events"))
    figures.add(figure("Dispatched to nothing", dispatched, read, aim=AIM, note="dispatch alone"))
    name = "eventsourcing's ProjectionRunner, one INSERT"
    figures.add(figure(name, theirs, read, note=f"{len(posts):,} events"))
    for name, took in built.items():
        times = median(one.per_s for one in took) / median(one.per_s for one in theirs)
        note = f"{times:.0f} x the library by the clock"
        figures.add(figure(f"{name} rebuilt", took, read, note=note))
    reading.close()


def figure(
    name: str,
    took: Sequence[Took],
    read: Sequence[Took] | None = None,
    *,
    aim: float | None = None,
    note: str,
) -> Figure:
    """By the clock; the ratio to reading by processor time."""
    per_s = median(one.per_s for one in took)
    if read is None:
        return Figure(name, per_s, "events/s", note=note)
    ratio = median(one.per_cpu_s for one in took) / median(one.per_cpu_s for one in read)
    return Figure(name, per_s, "events/s", "reading (CPU)", ratio, aim, note)


def _crashed(projection: str, error: BaseException) -> None:
    raise RuntimeError(f"{projection} stopped") from error
