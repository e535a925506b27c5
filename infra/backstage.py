"""What goes on in a server beside its requests: the control socket and the sample."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final, TextIO

import uvicorn

from infra import sample
from infra.control.operator import Operator
from infra.control.socket import ControlSocket
from infra.importing.display import ProgressDisplay, told
from infra.profiles.embedded import Embedded
from infra.sample.loading import is_due, load

Beside = Callable[[], AbstractAsyncContextManager[None]]

WHAT_TO_TRY: Final = """\
The sample is there: real posts and follows, but not of the same people (infra/sample/data/NOTICE).

  Open   {url}/
  Read   curl -s '{url}/v1/timelines/public?limit=3'
  Write  curl -s {url}/v1/accounts -H 'Content-Type: application/json' \\
              -d '{{"handle": "you", "password": "a good password"}}'

Nobody in it has a password. Be one of them: starling admin set-password {handle}
"""
"""
"""


class AttendedServer(uvicorn.Server):
    """A server with something beside it, from when it accepts requests until it stops to."""

    def __init__(self, config: uvicorn.Config, beside: Beside) -> None:
        super().__init__(config)
        self._beside = beside
        self._stack = AsyncExitStack()
