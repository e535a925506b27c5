"""What speaks Redis's protocol, so that a test can say what is answered and when."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import hiredis

REFUSED: Final[Mapping[bytes, bytes]] = {b"REFUSE": b"ERR", b"EVALSHA": b"NOSCRIPT"}


class RespServer:
    """Answers a command with its last word, but refuses some and leaves SILENCE without answer.
    Of PUSH it first tells that the key has changed."""

    def __init__(self) -> None:
        self.port = 0
        self.heard: list[list[bytes]] = []
        self.reads: list[int] = []
        self.silent = asyncio.Event()
        self.refused = dict(REFUSED)
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        commands = hiredis.Reader()
        while data := await reader.read(65_536):
            commands.feed(data)
            before = len(self.heard)
            while (command := commands.gets()) is not False:
                self.heard.append(command)
                if command[0] == b"SILENCE":
                    self.silent.set()
                elif command[0] in self.refused:
                    writer.write(b"-%b no\r\n" % self.refused[command[0]])
                else:
                    if command[0] == b"PUSH":
                        key = command[-1]
                        changed = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$%d\r\n%b\r\n"
                        writer.write(changed % (len(key), key))
                    writer.write(b"$%d\r\n%b\r\n" % (len(command[-1]), command[-1]))
            self.reads.append(len(self.heard) - before)
        writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()


@asynccontextmanager
async def resp_server() -> AsyncIterator[RespServer]:
    """One that listens until the end."""
    made = RespServer()
    listening = await asyncio.start_server(made.serve, "127.0.0.1")
    made.port = listening.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listening.close()
        made.hang_up()
