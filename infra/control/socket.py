"""The control socket of a running server: who may open it is who owns the data folder."""

import asyncio
import logging
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from infra.control.address import SOCKET_NAME, address_of
from infra.control.operator import EXPECTED, Operator
from infra.control.requests import Failed, Message, Request, decode_request, encode

REQUEST_BYTES_MAX: Final = 1 << 20
BACKLOG: Final = 16

log = logging.getLogger("starling.control")


class ControlSocket:
    """Answers requests one connection each, until it is closed. The folder must be locked: a
    socket that is there already was left by a process that died."""

    def __init__(self, folder: Path, operator: Operator) -> None:
        self._path = folder / SOCKET_NAME
        self._folder = folder
        self._operator = operator
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.setblocking(False)
        with address_of(self._folder) as address:
            listening.bind(address)
            os.chmod(address, 0o600)  # before it listens: nobody has connected yet
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listening, limit=REQUEST_BYTES_MAX, backlog=BACKLOG
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        work = asyncio.ensure_future(self._answer(reader, writer))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        try:
            await work
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = decode_request(await reader.readline())
        except (msgspec.MsgspecError, ValueError) as error:
            _tell(writer, Failed(f"The request cannot be read: {error}"))
            return
        work = asyncio.ensure_future(self._perform(request, writer))
        # Who asks sends nothing more: the end of what they send means that they left.
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not work.done():
                work.cancel()
        await work
        await writer.drain()

    async def _perform(self, request: Request, writer: asyncio.StreamWriter) -> None:
        try:
            result = await self._operator.perform(request, lambda told: _tell(writer, told))
        except EXPECTED as error:
            _tell(writer, Failed(str(error)))
        else:
            _tell(writer, result)


def _tell(writer: asyncio.StreamWriter, message: Message) -> None:
    if not writer.is_closing():
        writer.write(encode(message) + b"\n")
