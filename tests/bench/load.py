"""The load generator: keep-alive clients on raw sockets that send requests made beforehand.

It reads only the status and the length of an answer, so that it is not what limits the server;
the bench measures how many answers a second it could take itself.
"""

import asyncio
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, NamedTuple, cast

Address = tuple[str, int]
Source = Callable[[], bytes]

CLIENTS: Final = 64
PACE_S: Final = 0.002
_LENGTH: Final = b"content-length: "


class Answer(NamedTuple):
    """One answer; `head` is its status line and header fields."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head[9:12])

    def header(self, name: str) -> str | None:
        """A field's value, by its lower-case name."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            if line.startswith(f"{name}: "):
                return line[len(name) + 2 :]
        return None


@dataclass(slots=True)
class Taken:
    """What was answered: the seconds each took, how many were refused or failed, all bytes."""

    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    failed: int = 0
    body_bytes: int = 0
    elapsed_s: float = 0.0

    @property
    def answers(self) -> int:
        return len(self.seconds)

    @property
    def per_s(self) -> float:
        return self.answers / self.elapsed_s

    def quantile_ms(self, share: float) -> float:
        """Milliseconds within which that share was answered."""
        return quantile(self.seconds, share) * 1e3

    def note(self, seconds: float, head: bytes, body: bytes) -> None:
        self.seconds.append(seconds)
        self.body_bytes += len(body)
        if head[9] != 50:  # the 2 of 2xx
            self.failed += 1


class Client(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self) -> None:
        self.answered: Callable[[Client, bytes, bytes], None] = _nobody_asked
        self.sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, at: float) -> None:
        """`answered` is called with this client and the answer; its time counts from `at`."""
        assert self._transport is not None
        self.sent_at = at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            length = data.find(_LENGTH, 0, end) + len(_LENGTH)
            whole = end + 4
            if length >= len(_LENGTH):
                whole += int(data[length : data.index(b"\r", length)])
            if len(data) >= whole:
                self._buffer = b""
                self.answered(self, data[:end], data[end + 4 :])
                return
        self._buffer = data

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _nobody_asked(_client: Client, head: bytes, _body: bytes) -> None:
    raise ConnectionError(f"An answer to no request: {head[:80]!r}")


class Load:
    """Clients that are connected to one server."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients

    async def ask(self, request: bytes) -> Answer:
        """One request on the first connection."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        client = self._clients[0]
        client.answered = lambda _client, head, body: answered.set_result(Answer(head, body))
        client.send(request, perf_counter())
        return await answered

    async def flat_out(self, source: Source, seconds: float) -> Taken:
        """Each client sends its next request as soon as the last one is answered."""
        taken = Taken()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        working = len(self._clients)
        began = perf_counter()
        until = began + seconds

        def answered(client: Client, head: bytes, body: bytes) -> None:
            nonlocal working
            now = perf_counter()
            taken.note(now - client.sent_at, head, body)
            if now < until:
                client.send(source(), now)
                return
            working -= 1
            if not working:
                done.set_result(None)

        for client in self._clients:
            client.answered = answered
            client.send(source(), perf_counter())
        await done
        taken.elapsed_s = perf_counter() - began
        return taken

    async def each_once(self, requests: Sequence[bytes]) -> Taken:
        """As fast as it goes, until each of the requests was answered."""
        taken = Taken()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = iter(requests)

        def answered(client: Client, head: bytes, body: bytes) -> None:
            taken.note(perf_counter() - client.sent_at, head, body)
            following = next(waiting, None)
            if following is not None:
                client.send(following, perf_counter())
            elif taken.answers == len(requests):
                done.set_result(None)

        began = perf_counter()
        for client, first in zip(self._clients, waiting, strict=False):
            client.answered = answered
            client.send(first, perf_counter())
        await done
        taken.elapsed_s = perf_counter() - began
        return taken

    async def at_rate(self, source: Source, per_s: float, seconds: float) -> Taken:
        """So many requests a second, whatever the answers; a request's time counts from when it
        was due, also if no client was free then."""
        taken = Taken()
        free = deque(self._clients)
        due: deque[float] = deque()

        def answered(client: Client, head: bytes, body: bytes) -> None:
            taken.note(perf_counter() - client.sent_at, head, body)
            if due:
                client.send(source(), due.popleft())
            else:
                free.append(client)

        for client in self._clients:
            client.answered = answered
        began = next_due = perf_counter()
        while next_due < began + seconds:
            now = perf_counter()
            while next_due <= now:
                due.append(next_due)
                next_due += 1 / per_s
            while due and free:
                free.popleft().send(source(), due.popleft())
            await asyncio.sleep(PACE_S)
        while due or len(free) < len(self._clients):
            await asyncio.sleep(PACE_S)
        taken.elapsed_s = perf_counter() - began
        return taken


@asynccontextmanager
async def load_on(address: Address, clients: int = CLIENTS) -> AsyncIterator[Load]:
    """So many clients, connected until the end."""
    loop = asyncio.get_running_loop()
    connected = [(await loop.create_connection(Client, *address))[1] for _ in range(clients)]
    try:
        yield Load(connected)
    finally:
        for client in connected:
            client.close()


def request(
    method: str, path: str, token: str | None = None, body: bytes = b"", more: str = ""
) -> bytes:
    """A whole request; `more` are further header lines, each ended by CRLF."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\nUser-Agent: bench\r\n{more}"
    if token is not None:
        head += f"Authorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
