"""uvicorn's HTTP protocol, but an answer leaves in one write, and with others of its turn.

uvicorn writes an answer's head and its body one after the other and uvloop sends each at once: two
system calls and two packets for each answer, the first of which wakes the client up for nothing.

A write that wakes up a client on this machine (a proxy) takes several times as long as one to a
client that is awake. So what is answered in one turn of the loop is sent in a row: it wakes the
client once for some answers, and not for each of them.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# The first of them waits as long as it takes to compute the others.
TOGETHER: Final = 8
# Of a body that comes in parts; what is longer is sent without waiting for the end of the turn.
HELD_BYTES_MAX: Final = 65_536


class Sending:
    """What the connections of one server send in the present turn of its loop."""

    def __init__(self) -> None:
        self._waiting: list[JoinedWrites] = []

    def add(self, connection: "JoinedWrites") -> None:
        """Send what it holds at the end of the turn, or when another TOGETHER have come."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        elif len(self._waiting) >= TOGETHER:
            self._send()  # the one at the end of the turn is still to come
        self._waiting.append(connection)

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            connection.send()


class JoinedWrites(asyncio.Transport):
    """A transport that holds what is written until its turn is over."""

    def __init__(self, transport: asyncio.Transport, sending: Sending) -> None:
        super().__init__()
        self._transport = transport
        self._sending = sending
        self._held: bytes | None = None

    def write(self, data: Any) -> None:
        """Hold it with what is held, unless that gets too long."""
        held = self._held
        if held is None:
            self._held = data
            self._sending.add(self)
        elif len(held) < HELD_BYTES_MAX:
            self._held = held + data
        else:
            self._held = None
            self._transport.write(held + data)

    def send(self) -> None:
        """Send what is held; nothing where the client has gone."""
        held, self._held = self._held, None
        if held is not None and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        """Close once everything is sent."""
        self.send()
        self._transport.close()

    def is_closing(self) -> bool:
        """As the transport's own; so are those that follow."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """The client has to wait."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The client may go on."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol takes over."""
        self._transport.set_protocol(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """About the socket."""
        return self._transport.get_extra_info(name, default)


class JoinedHttp(HttpToolsProtocol):
    """To be subclassed for each server, with a `sending` of its own, and given to uvicorn as its
    `http`."""

    sending: Sending

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol.connection_made`."""
        super().connection_made(JoinedWrites(transport, self.sending))
