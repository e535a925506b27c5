"""A connection to Cassandra on the event loop of who asks.

The driver's own connections are read by a thread of its own: every answer wakes that thread, which
waits for the interpreter, decodes, and wakes the event loop. Here the event loop reads and decodes
itself. What the driver does in its own threads (connecting, schemas, heartbeats) stays there and
hands its bytes over.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import Any, ClassVar, cast

from cassandra.connection import Connection, ConnectionShutdown


class LoopConnection(Connection, asyncio.Protocol):  # type: ignore[misc]  # the driver has no types
    """Made by the driver, in a thread that may block. Use a class of `on_loop`."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    thread_id: ClassVar[int]
    is_closed: bool
    _socket: socket.socket

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._connect_socket()
        self._socket.setblocking(False)
        self.call_on_loop(self._begin)
        self._send_options_message()

    @classmethod
    def create_timer(cls, timeout: float, callback: Callable[[], object]) -> "Timer":
        """Call back on the loop after so many seconds."""
        return Timer(cls, timeout, callback)

    def push(self, data: bytes) -> None:
        """Send with what else is sent in this turn of the loop."""
        self.call_on_loop(self._push, data)

    def close(self) -> None:
        """End it; who waits for an answer gets none."""
        with self.lock:
            if self.is_closed:
                return
            self.is_closed = True
        self.call_on_loop(self._end)
        if not self.is_defunct:
            self.error_all_requests(ConnectionShutdown(f"{self.endpoint}: it was closed"))
            self.connected_event.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.is_closed:
            self._end()
        self._send()

    def data_received(self, data: bytes) -> None:
        self._iobuf.write(data)
        self.process_io_buffer()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self.close()
        else:
            self.defunct(error)

    @classmethod
    def call_on_loop(cls, do: Callable[..., object], *arguments: Any) -> None:
        """At once where this is the loop's thread."""
        if get_ident() == cls.thread_id:
            do(*arguments)
        else:
            with suppress(RuntimeError):  # the loop is closed, and so is all that was on it
                cls.loop.call_soon_threadsafe(do, *arguments)

    def _begin(self) -> None:
        beginning = self.loop.create_task(self._open())
        self._beginning = beginning  # the loop itself would forget it

    async def _open(self) -> None:
        try:
            await self.loop.create_connection(lambda: self, sock=self._socket)
        except OSError as error:
            self.defunct(error)

    def _push(self, data: bytes) -> None:
        if not self._unsent:
            self.loop.call_soon(self._send)
        self._unsent.append(data)

    def _send(self) -> None:
        if self._transport is not None and self._unsent:
            unsent, self._unsent = self._unsent, []
            self._transport.write(b"".join(unsent))

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Timer:
    """A call that can be cancelled, from any thread."""

    def __init__(
        self, connections: type[LoopConnection], timeout: float, callback: Callable[[], object]
    ) -> None:
        self._connections = connections
        self._handle: asyncio.TimerHandle | None = None
        self._cancelled = False
        connections.call_on_loop(self._start, timeout, callback)

    def cancel(self) -> None:
        """It is not called any more."""
        self._cancelled = True
        if self._handle is not None:
            self._connections.call_on_loop(self._handle.cancel)

    def _start(self, timeout: float, callback: Callable[[], object]) -> None:
        if not self._cancelled:
            self._handle = self._connections.loop.call_later(timeout, callback)


def on_loop(loop: asyncio.AbstractEventLoop) -> type[LoopConnection]:
    """Connections on this loop, which runs in the thread that asks here."""
    members = {"loop": loop, "thread_id": get_ident()}
    return cast("type[LoopConnection]", type("LoopConnection", (LoopConnection,), members))
