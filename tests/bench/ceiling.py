"""A server that reads nothing and always gives the same answer: what the load generator can take.

STARLING_BIND=127.0.0.1:PORT python -m tests.bench.ceiling
"""

import asyncio
from typing import Final, cast

import uvloop

from infra.settings import load

_BODY: Final = b"{}"
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nrequest-id: 0123456789abcdef\r\n%b\r\n%b"
) % (len(_BODY), b"x-padding: 0123456789abcdef0123456789abcdef\r\n" * 6, _BODY)


class _Same(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(_ANSWER)


async def _serve() -> None:
    settings, _ = load()
    server = await asyncio.get_running_loop().create_server(_Same, *settings.address)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
