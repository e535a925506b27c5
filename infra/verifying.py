"""Proving that views equal the log, beside whoever serves.

The log is folded into a SQLite file in a temporary folder, whatever engine the view is on. Of the
embedded profile a copy of the live file is asked, which stands still; on the engines the live store
itself, while it follows the log.
"""

import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    closing,
)
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from domain.errors import Unavailable
from infra.folder import LOG_FILE
from infra.generations import Generation
from infra.profiles.embedded_stores import Surroundings, opened
from infra.profiles.embedded_verifying import OnFolder
from infra.settings import Settings
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.keyring import SqliteKeyring
from infra.stamps import wall_clock_ms
from projections.projection import Projection, StoreUnavailable
from streams.answers.fold import Fold
from streams.answers.keys import Known
from streams.answers.proof import Positions, Step, Verdict, View, verify
from streams.answers.questions import QUESTIONS
from streams.envelope import Codec
from streams.feed import SelectiveFeed
from streams.pipeline import Paused
from streams.reapply import Sink

UNTOLD: Final = (Paused, StoreUnavailable, Unavailable, TimeoutError, OSError, sqlite3.Error)

Report = Callable[[str, Step], None]


class NotProven(Exception):
    """A generation is not equal to the log, or that cannot be told: it is not to answer. So many
    `seconds` it took to find out."""

    def __init__(self, verdict: Verdict, seconds: float) -> None:
        super().__init__(verdict.projection)
        self.verdict = verdict
        self.seconds = seconds


class Installation(Protocol):
    """Where the log and the views are."""

    @property
    def feed(self) -> SelectiveFeed: ...

    async def live(self, projection: Projection) -> Generation:
        """The generation that answers."""

    async def ends(self, projection: Projection) -> Positions:
        """The newest positions now of the partitions that the projection reads."""

    async def view(
        self, projection: Projection, of: Generation, folder: Path, opened_here: AsyncExitStack
    ) -> View:
        """A generation's; the folder is for what it needs. Raises Unavailable."""

    def sink(self, projection: Projection) -> AbstractAsyncContextManager[Sink]:
        """Where events are applied again: the live store. Nobody builds or drops generations of
        the projection meanwhile. Raises AlreadyBuilt."""


class Proof(NamedTuple):
    """A view and a fold of the log, ready to be compared."""

    projection: Projection
    view: View
    fold: Fold

    async def told(
        self, report: Report, *, sample: int | None = None, among: Known | None = None
    ) -> Verdict:
        """See `streams.answers.proof.verify`. Raises UNTOLD."""

        def step(one: Step) -> None:
            report(self.projection.name, one)

        return await verify(self.projection, self.view, self.fold, step, sample=sample, among=among)


async def verdicts(
    settings: Settings, projections: Sequence[Projection], report: Report, sample: int | None
) -> AsyncIterator[Verdict]:
    """What can be told of each projection's live generation, one after the other."""
    async with installation(settings) as there:
        for projection in projections:
            try:
                live = await there.live(projection)
                async with proof(there, projection, live, settings) as comparing:
                    yield await comparing.told(report, sample=sample)
            except UNTOLD as error:
                yield untold(projection, error)


async def verdict_of(
    settings: Settings,
    projection: Projection,
    one: Generation,
    report: Report,
    sample: int | None = None,
) -> Verdict:
    """What can be told of one generation, which may not answer yet."""
    try:
        async with (
            installation(settings) as there,
            proof(there, projection, one, settings) as comparing,
        ):
            return await comparing.told(report, sample=sample)
    except UNTOLD as error:
        return untold(projection, error)


async def prove(
    settings: Settings, projection: Projection, one: Generation, report: Report
) -> None:
    """Return if a generation equals the log. Raises NotProven."""
    began = time.monotonic()
    verdict = await verdict_of(settings, projection, one, report)
    if not verdict.is_sound:
        raise NotProven(verdict, time.monotonic() - began)


def untold(projection: Projection, error: Exception) -> Verdict:
    """Why nothing can be told."""
    return Verdict(projection.name, error=str(error) or "it did not get there in time")


@asynccontextmanager
async def proof(
    there: Installation, projection: Projection, of: Generation, settings: Settings
) -> AsyncIterator[Proof]:
    """What proves a generation. Raises UNTOLD."""
    async with AsyncExitStack() as open_now:
        made = open_now.enter_context(tempfile.TemporaryDirectory(prefix="starling-verify-"))
        folder = Path(made)
        view = await there.view(projection, of, folder, open_now)
        scratch = opened(projection, folder / "fold.db", _around(settings))
        open_now.enter_context(closing(scratch))
        kinds = [question.kind for question in QUESTIONS[projection.name]]
        yield Proof(projection, view, Fold(projection, scratch, there.feed, kinds))


@asynccontextmanager
async def installation(settings: Settings) -> AsyncIterator[Installation]:
    """Open what is needed, waiting for engines; at the end it is closed."""
    if settings.profile == "cluster":
        # Imported here: it needs the clients of the engines, which the embedded profile has not.
        from infra.profiles.cluster_verifying import on_engines  # noqa: PLC0415

        async with on_engines(settings) as engines:
            yield engines
        return
    with ExitStack() as open_now:
        folder = settings.data_path
        keyring = open_now.enter_context(closing(SqliteKeyring(folder / "keys.db")))
        log = SqliteFeed(folder / LOG_FILE, Codec(keyring))
        yield OnFolder(_around(settings), open_now.enter_context(closing(log)))


def _around(settings: Settings) -> Surroundings:
    return Surroundings(settings, wall_clock_ms, DEPTH)
