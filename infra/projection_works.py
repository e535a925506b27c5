"""What this server was asked to do with projections: each work goes on beside the requests.

Replay, verify and repair are the program's own commands, in processes of their own, so that none of
them takes the server's turns. One work at a time for each projection; they end with the server.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from commands.ports import LogPart, ProjectionWork
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
        self._newest: dict[str, WorkStatus] = {}

    async def begin(
        self, projection: str, work: ProjectionWork, part: LogPart | None = None
    ) -> None:
        """See `ProjectionWorks.begin`."""
        if projection not in self._names:
            raise NotFound(f"There is no projection {projection}")
        if projection in self._tasks:
            under_way = self._newest[projection].work
            raise Conflict(f"{under_way.capitalize()} of {projection} is under way")
        self._note(projection, work, "running", "")
        if work in ARGUMENTS:
            doing = self._run(projection, work, (*ARGUMENTS[work], *_options(part)))
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
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _change(self, projection: str, work: ProjectionWork) -> None:
        """Raises Refusal, which is told by who waits, or later by the status."""
        change = self._generations.adopt if work == "swap" else self._generations.rollback
        try:
            one = await change(projection)
        except Refusal as error:
            self._note(projection, work, "failed", str(error))
            raise
        except Exception:
            self._note(projection, work, "failed", "The server's log says why")
            log.exception("%s of %s", work, projection)
            raise
        self._note(projection, work, "done", f"generation {one.number} answers")

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


def _options(part: LogPart | None) -> Iterator[str]:
    """As the command line has them; each is one word with its value, whatever that begins with."""
    if part is None:
        return
    for name, value in part._asdict().items():
        if value is not None:
            yield f"--{name.removesuffix('_id')}={value}"


async def _read(told: asyncio.StreamReader | None) -> str:
    assert told is not None  # noqa: S101 - it is a pipe
    return (await told.read()).decode(errors="replace").strip()
