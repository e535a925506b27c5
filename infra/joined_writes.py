"""uvicorn's HTTP protocol, but the head and the body of an answer leave in one write.

uvicorn writes one after the other and uvloop sends each at once: two system calls and two packets
for each answer, the first of which wakes the client up for nothing.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class JoinedWrites(asyncio.Transport):
    """A transport that holds a write until the next one, or until the end of the loop's turn."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._held: bytes | None = None

    def write(self, data: Any) -> None:
        """Send it with what is held, or hold it."""
        held = self._held
        if held is None:
            self._held = data
            self._call_soon(self._flush)
        else:
            self._held = None
            self._transport.write(held + data)

    def close(self) -> None:
        """Close once everything is sent."""
        self._flush()
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

    def _flush(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._transport.write(held)


class JoinedHttp(HttpToolsProtocol):
    """To be given to uvicorn as its `http`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol.connection_made`."""
        super().connection_made(JoinedWrites(transport))
