"""What this server was asked to do with projections: each work goes on beside the requests.

Replay, verify and repair are the program's own commands, in processes of their own, so that none of
them takes the server's turns. One work at a time for each projection; they end with the server.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

from commands.ports import LogPart, ProjectionWork, Steer
from domain.errors import Conflict, NotFound, Refusal
from infra.profiles.profile import Generations
from infra.settings import Settings, environ_of
from read_api.ports import WorkState, WorkStatus

PROGRAM: Final = (sys.executable, "-c", "from infra.cli import main; main()")
ARGUMENTS: Final[Mapping[ProjectionWork, tuple[str, ...]]] = {
    "replay": ("replay", "--no-swap"),
    "verify": ("verify",),
    "repair": ("verify", "--repair"),
    "reapply": ("replay",),
}
# What is over so soon is told in the answer itself.
AT_ONCE_S: Final = 2.0
TOLD_CHARS_MAX: Final = 4_000
DIFFERENT: Final = 1
CANCELLED_STATUS: Final = 3

log = logging.getLogger("starling")


class ProjectionWorks:
    """Implements `commands.ports.ProjectionWorks` and `read_api.ports.Works`."""

    def __init__(
        self, settings: Settings, generations: Generations, names: Collection[str]
    ) -> None:
        self._settings = settings
        self._generations = generations
        self._names = names
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._steering: set[asyncio.Task[None]] = set()
        self._newest: dict[str, WorkStatus] = {}

    async def steer(
        self,
        projection: str,
        how: Steer,
        per_s_max: float | None = None,
        generation: int | None = None,
    ) -> None:
        """See `ProjectionWorks.steer`."""
        self._check(projection)
        steering = asyncio.create_task(
            self._steer(projection, how, per_s_max, generation), name=f"{how} {projection}"
        )
        self._steering.add(steering)
        steering.add_done_callback(self._steered)
        await asyncio.wait({steering}, timeout=AT_ONCE_S)
        if steering.done():
            steering.result()

    async def begin(
        self,
        projection: str,
        work: ProjectionWork,
        part: LogPart | None = None,
        per_s_max: float | None = None,
        as_of: str | None = None,
    ) -> None:
        """See `ProjectionWorks.begin`."""
        self._check(projection)
        if projection in self._tasks:
            under_way = self._newest[projection].work
            raise Conflict(f"{under_way.capitalize()} of {projection} is under way")
        self._note(projection, work, "running", "")
        if work in ARGUMENTS:
            options = (*_options(part), *_of_replay(per_s_max, as_of))
            doing = self._run(projection, work, (*ARGUMENTS[work], *options))
        else:
            doing = self._change(projection, work)
        task = asyncio.create_task(doing, name=f"{work} {projection}")
        self._tasks[projection] = task
        task.add_done_callback(lambda _: self._tasks.pop(projection))
        if work not in ARGUMENTS:
            await asyncio.wait({task}, timeout=AT_ONCE_S)
            if task.done():
                task.result()

    def newest(self) -> Mapping[str, WorkStatus]:
        """See `read_api.ports.Works`."""
        return self._newest

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """At the end every work ends too; a replay goes on where it was when it is begun again."""
        try:
            yield
        finally:
            tasks = [*self._tasks.values(), *self._steering]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _check(self, projection: str) -> None:
        if projection not in self._names:
            raise NotFound(f"There is no projection {projection}")

    async def _steer(
        self, projection: str, how: Steer, per_s_max: float | None, generation: int | None
    ) -> None:
        with _as_clients_know_it():
            found = await self._generations.steer(projection, how, per_s_max, generation)
        if how == "resume" and not found.is_running and not await self._is_beginning(projection):
            await self.begin(projection, "replay", as_of=found.as_of)

    async def _is_beginning(self, projection: str) -> bool:
        """Whether a work of this server takes its time: one whose process was killed is over in a
        moment."""
        if projection in self._tasks:
            await asyncio.wait({self._tasks[projection]}, timeout=AT_ONCE_S)
        return projection in self._tasks

    def _steered(self, steering: "asyncio.Task[None]") -> None:
        """Who did not wait for it to the end finds it in the server's log."""
        self._steering.discard(steering)
        if not steering.cancelled() and steering.exception() is not None:
            log.warning("%s: %s", steering.get_name(), steering.exception())

    async def _change(self, projection: str, work: ProjectionWork) -> None:
        """Raises Refusal, which is told by who waits, or later by the status."""
        try:
            with _as_clients_know_it():
                told = await self._changed(projection, work)
        except Refusal as error:
            self._note(projection, work, "failed", str(error))
            raise
        except Exception:
            self._note(projection, work, "failed", "The server's log says why")
            log.exception("%s of %s", work, projection)
            raise
        self._note(projection, work, "done", told)

    async def _changed(self, projection: str, work: ProjectionWork) -> str:
        """What came of it."""
        if work == "prune":
            dropped = [str(one.number) for one in await self._generations.prune(projection)]
            return f"dropped generations: {', '.join(dropped) or 'none'}"
        change = self._generations.adopt if work == "swap" else self._generations.rollback
        return f"generation {(await change(projection)).number} answers"

    async def _run(self, projection: str, work: ProjectionWork, arguments: Sequence[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *arguments,
            projection,
            env={**os.environ, **environ_of(self._settings)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            told, _ = await asyncio.gather(
                _read(process.stdout), self._follow(projection, work, process.stderr)
            )
            status = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
        state: WorkState = "done" if status == 0 else "failed"
        if work == "replay" and status == CANCELLED_STATUS:
            state = "cancelled"
        if work in {"verify", "repair"} and status == DIFFERENT and told:
            state = "different"
        self._note(projection, work, state, told or self._newest[projection].told)

    async def _follow(
        self, projection: str, work: ProjectionWork, told: asyncio.StreamReader | None
    ) -> None:
        """The newest line of how far it is, or why it failed."""
        assert told is not None  # noqa: S101 - it is a pipe
        async for line in told:
            self._note(projection, work, "running", line.decode(errors="replace").strip())

    def _note(self, projection: str, work: ProjectionWork, state: WorkState, told: str) -> None:
        self._newest[projection] = WorkStatus(work, state, told[:TOLD_CHARS_MAX])


@contextmanager
def _as_clients_know_it() -> Iterator[None]:
    """Every conflict that has a name of its own in here is a conflict to clients."""
    try:
        yield
    except Conflict as error:
        raise Conflict(error.detail) from error


def _options(part: LogPart | None) -> Iterator[str]:
    """As the command line has them; each is one word with its value, whatever that begins with."""
    if part is None:
        return
    for name, value in part._asdict().items():
        if value is not None:
            yield f"--{name.removesuffix('_id')}={value}"


def _of_replay(per_s_max: float | None, as_of: str | None) -> Iterator[str]:
    if per_s_max is not None:
        yield f"--throttle={per_s_max}"
    if as_of is not None:
        yield f"--to={as_of}"


async def _read(told: asyncio.StreamReader | None) -> str:
    assert told is not None  # noqa: S101 - it is a pipe
    return (await told.read()).decode(errors="replace").strip()
