"""The real embedded profile in this process: its HTTP API without a server or threads of its own.

Projections go on only when they are told to, so a history is the same every time it is run.
"""

import asyncio
import atexit
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from commands.ports import Append
from domain import accounts
from domain.events import RoleGranted
from domain.ids import AccountId
from infra.profiles.embedded import Embedded
from infra.server import application
from infra.settings import load
from infra.sqlite.home_timelines import SqliteHomeTimelines
from streams.pipeline import Pipeline
from streams.registry import joined
from tests.asgi import Answered, ask
from tests.model.driven import MODERATOR, NAMES, sign_in, sign_up

BEGIN_MS: Final = 1_767_225_600_000  # 2026-01-01: any time will do
# Access tokens live 15 minutes by the real clock.
TOKENS_FRESH_S: Final = 600
# So few that homes are trimmed, and read below what is kept ready.
HOME_DEPTH: Final = 2
PARTITION: Final = 0

PREFIX: Final = "starling-"

# There an fsync costs nothing.
_SHM: Final = Path("/dev/shm")  # noqa: S108
_IN_MEMORY: Final = _SHM if _SHM.is_dir() else None


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder that is removed when nobody holds it any more."""
    return tempfile.TemporaryDirectory(prefix=PREFIX, dir=_IN_MEMORY)


class Clock:
    """Milliseconds that pass only when somebody looks."""

    def __init__(self) -> None:
        self.ms = BEGIN_MS

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


def unexpected(projection: str, error: BaseException) -> None:
    """Projections do not stop by themselves here."""
    raise AssertionError(f"{projection} stopped") from error


class System:
    """One opened folder."""

    def __init__(self, folder: Path, *, threshold: str, clock: Clock) -> None:
        self.folder = folder
        self._settings, _ = load(
            {
                "STARLING_DATA": str(folder),
                "STARLING_RATE_LIMITS": "off",
                "STARLING_ARGON2_COST": "lowest",
                "STARLING_FANOUT_THRESHOLD": threshold,
            }
        )
        self.embedded = Embedded(
            self._settings, crashed=unexpected, clock_ms=clock, home_depth=HOME_DEPTH
        )
        self._app = application(self.embedded, self._settings)
        self._pipelines = {
            projection.name: Pipeline(
                projection, store, self.embedded.dead_letters, stalled=unexpected
            )
            for projection, store in joined(self.embedded.views)
        }

    @property
    def projections(self) -> Sequence[str]:
        return list(self._pipelines)

    async def ask(
        self,
        method: str,
        target: str,
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """One request, to the end of what it began: whether a home is ready by the next read is
        not left to threads."""
        fields = [] if token is None else [("authorization", f"Bearer {token}")]
        fields += list((headers or {}).items())
        answered = await ask(self._app, method, target, headers=fields, json=body)
        homes = self.embedded.views.home_timelines
        assert isinstance(homes, SqliteHomeTimelines)
        homes.wait_for_rebuilds()
        return answered

    async def catch_up(self) -> None:
        """Bring every projection to the head."""
        await self.embedded.runner.catch_up()

    async def project(self, name: str, size: int) -> None:
        """Bring one projection a bit further."""
        pipeline = self._pipelines[name]
        reached = (await pipeline.store.checkpoint()).get(PARTITION, 0)
        if batch := await self.embedded.feed.read(PARTITION, reached, size):
            taken = await pipeline.take(batch)
            self.embedded.progress.advance(name, taken[PARTITION])

    async def deliver_again(self, back: int, size: int) -> None:
        """Deliver a part of the log that projections have had, one by one, the newest first."""
        for pipeline in self._pipelines.values():
            reached = (await pipeline.store.checkpoint()).get(PARTITION, 0)
            start = max(reached - back, 0)
            batch = await self.embedded.feed.read(PARTITION, start, min(size, reached - start))
            for fed in reversed(batch):
                await pipeline.take([fed])

    async def parked(self) -> list[str]:
        """Projections that could not take an event."""
        letters = self.embedded.dead_letters
        return [name for name, one in self._pipelines.items() if await letters.keys(one.build)]

    async def evict(self, readers: Sequence[int]) -> None:
        await self.embedded.views.home_timelines.evict([AccountId(one) for one in readers])

    def close(self) -> None:
        self.embedded.close()


@dataclass(frozen=True)
class World:
    """A folder in which everybody has an account, to be copied; tokens are by handle."""

    folder: Path
    made_at: float
    ids: Mapping[str, int]
    tokens: Mapping[str, str]
    clock_ms: int

    @property
    def fresh(self) -> bool:
        return time.monotonic() - self.made_at < TOKENS_FRESH_S

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(self.folder, folder)


_made: list[World] = []


def world() -> World:
    """Signing up is the same in every history: it is done once."""
    if not _made or not _made[-1].fresh:
        _remove_made()
        _made.append(asyncio.run(_make()))
    return _made[-1]


@atexit.register
def _remove_made() -> None:
    while _made:
        shutil.rmtree(_made.pop().folder)


async def _make() -> World:
    folder, clock = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_IN_MEMORY)), Clock()
    system = System(folder, threshold="inf", clock=clock)
    ids, tokens = {}, {}
    for handle in (*NAMES, MODERATOR):
        ids[handle] = await sign_up(system, handle)
        if handle == MODERATOR:
            await _appoint(system, AccountId(ids[handle]))
        tokens[handle] = await sign_in(system, handle)
    await system.catch_up()
    system.close()
    return World(folder, time.monotonic(), ids, tokens, clock.ms)


async def _appoint(system: System, account_id: AccountId) -> None:
    granted = RoleGranted(
        event_id=system.embedded.stamps.event_id(),
        actor_id=account_id,
        account_id=account_id,
        role="admin",
    )
    await system.embedded.log.append([Append(accounts.roles_of(account_id), 0, (granted,))])
