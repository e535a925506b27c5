"""Commands sent when they are due, whatever became of those before, and how far behind all is."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final, NamedTuple

from tests.bench.burst_town import Command
from tests.bench.load import Address, Client, Load, request

SAMPLE_S: Final = 0.25
PACE_S: Final = 0.002
CALM_SAMPLES: Final = 4
_LAG: Final = re.compile(rb'_lag_events\{projection="(\w+)"\} ([\d.e+]+)')
_MEMORY: Final = re.compile(rb"^process_resident_memory_bytes ([\d.e+]+)", re.MULTILINE)


class Due(NamedTuple):
    """When a command is sent, in seconds after the beginning; it is made then."""

    at_s: float
    make: Callable[[], Command]


class Sender:
    """Connections on which commands are sent as soon as they are due and one is free."""

    def __init__(self, clients: Sequence[Client], heard: Callable[[Command, int, bytes], None]):
        self._clients = clients
        self._heard = heard
        self.unanswered = 0

    async def send(self, dues: Iterable[Due]) -> None:
        """Return when all are answered."""
        free, waiting = deque(self._clients), deque[Due]()
        began = perf_counter()

        def send_next(client: Client) -> None:
            command = waiting.popleft().make()
            client.answered = lambda one, head, body: answered(one, command, head, body)
            client.send(command.request, perf_counter())

        def answered(client: Client, command: Command, head: bytes, body: bytes) -> None:
            self._heard(command, int(head[9:12]), body)
            self.unanswered -= 1
            if waiting:
                send_next(client)
            else:
                free.append(client)

        for due in dues:
            while perf_counter() - began < due.at_s:
                await asyncio.sleep(PACE_S)
            waiting.append(due)
            self.unanswered += 1
            if free:
                send_next(free.popleft())
        while self.unanswered:
            await asyncio.sleep(PACE_S)


@asynccontextmanager
async def sender_on(
    address: Address, clients: int, heard: Callable[[Command, int, bytes], None]
) -> AsyncIterator[Sender]:
    """So many connections, until the end."""
    loop = asyncio.get_running_loop()
    connected = [(await loop.create_connection(Client, *address))[1] for _ in range(clients)]
    try:
        yield Sender(connected, heard)
    finally:
        for client in connected:
            client.close()


class Sample(NamedTuple):
    """Seconds since the beginning; commands that are due and not answered; events that the
    projection which is farthest behind has not applied; bytes of the server."""

    at_s: float
    unanswered: int
    behind: float
    bytes: float


async def behind_on(load: Load) -> tuple[float, float]:
    """Of the projection that is farthest behind: events; and the server's bytes."""
    told = (await load.ask(request("GET", "/metrics"))).body
    memory = _MEMORY.search(told)
    lags = [float(lag) for _, lag in _LAG.findall(told)]
    return max(lags), float(memory[1]) if memory else 0.0


async def watched(load: Load, sender: Sender, sending: "asyncio.Task[None]") -> list[Sample]:
    """Until everything is sent, answered and applied."""
    samples: list[Sample] = []
    began, calm = perf_counter(), 0
    while calm < CALM_SAMPLES:
        behind, memory = await behind_on(load)
        samples.append(Sample(perf_counter() - began, sender.unanswered, behind, memory))
        calm = calm + 1 if sending.done() and not behind else 0
        await asyncio.sleep(SAMPLE_S)
    sending.result()
    return samples
