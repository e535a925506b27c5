"""What goes on in a server beside its requests: the control socket, and the sample once."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import FrameType
from typing import Final, TextIO

import uvicorn

from infra.control.operator import EXPECTED, Operator
from infra.control.socket import ControlSocket
from infra.importing.display import ProgressDisplay, told
from infra.profiles.embedded import Embedded
from infra.profiles.profile import Profile
from infra.sample import loading

Beside = Callable[[], AbstractAsyncContextManager[None]]

WHAT_TO_TRY: Final = """\
The sample is there. Its posts and follows are real, but not of the same people: see
infra/sample/data/NOTICE.

  open   {url}/
  read   curl -s '{url}/v1/timelines/public?limit=3'
  write  curl -s {url}/v1/accounts -H 'Content-Type: application/json' \\
           -d '{{"handle": "you", "password": "a good password"}}'

Nobody in it has a password. To be one of them: starling admin set-password {handle}
"""

log = logging.getLogger("starling")


class AttendedServer(uvicorn.Server):
    """A server with something beside it, from when it accepts requests until it stops to."""

    def __init__(self, config: uvicorn.Config, beside: Beside) -> None:
        super().__init__(config)
        self._beside = beside
        self._stack = AsyncExitStack()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop in order, which is then done: the signal is not raised again, so the exit status
        is 0. Whoever interrupts twice does not want to wait."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept requests, then what is beside them."""
        await super().startup(sockets)
        if self.started:
            await self._stack.enter_async_context(self._beside())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is beside the requests, then these."""
        await self._stack.aclose()
        await super().shutdown(sockets)


async def sample_is_due(embedded: Embedded) -> bool:
    """Whether this start loads the sample. Ask before the first command is given."""
    return await loading.is_due(embedded.idempotency, log_is_empty=embedded.log.head == 0)


@asynccontextmanager
async def backstage(
    profile: Profile, url: str, *, with_sample: bool, out: TextIO = sys.stdout
) -> AsyncIterator[None]:
    """Listen at the control socket, say where the server is, and load the sample if it is due."""
    operator = Operator(profile)
    async with ControlSocket(profile.data_path, operator):
        _say(out, f"Starling is at {url}/ and explains itself at {url}/docs\n")
        sample = _load(profile, operator, url, out) if with_sample else asyncio.sleep(0)
        loading_it = asyncio.ensure_future(sample)
        loading_it.add_done_callback(_report)
        try:
            yield
        finally:
            # Streams have no end of their own: requests that never end would hold up the stop.
            profile.live.end()
            loading_it.cancel()
            await asyncio.gather(loading_it, return_exceptions=True)


async def _load(profile: Profile, operator: Operator, url: str, out: TextIO) -> None:
    try:
        with ProgressDisplay(out) as display:
            summary = await loading.load(
                operator.imports, profile.ports.idempotency, display.report
            )
    except EXPECTED:
        log.exception("The sample is not whole; the next start goes on with it")
        return
    _say(out, f"{told(summary)}\n\n{WHAT_TO_TRY.format(url=url, handle=loading.SOMEBODY)}")


def _report(loading_it: "asyncio.Future[None]") -> None:
    """A fault in the sample must not end the server."""
    error = None if loading_it.cancelled() else loading_it.exception()
    if error is not None:
        log.critical("The sample could not be loaded", exc_info=error)


def _say(out: TextIO, text: str) -> None:
    out.write(text)
    out.flush()
