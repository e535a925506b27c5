"""Idempotency-Keys of the cluster in every order of steps, deaths, lost answers and late writes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import handling
from commands.handling import Decision, run
from commands.ports import Answer, Append, Ports
from domain.errors import Conflict, KeyInProgress, KeyReused, PostNotFound, Unavailable
from domain.ids import AccountId
from infra.cassandra import registers
from infra.cassandra.idempotency import CassandraIdempotency
from infra.cassandra.receipts import LEASE_MS
from tests import facts
from tests.acting import call
from tests.fakes import Fakes
from tests.simulated_log import Dead, Engines, How, Simulated
from web.routing import Reply

EXAMPLES_MAX: Final = 150
STEPS_MAX: Final = 40
PROCESSES: Final = 3
ADA: Final = facts.account("ada")
EVE: Final = AccountId(ADA + 1_000)
KINDS: Final = ("publishes", "appends", "records nothing", "is refused")
# Two requests, of which one may have the key.
REQUESTS: Final = (b"one", b"other")
# Most steps end well, so that commands get far enough to fail late.
HOWS: Final = (*[How.DONE] * 8, *How)
UNDECIDED: Final = (Unavailable, KeyInProgress, Conflict, Dead)


@pytest.fixture(autouse=True, scope="module")
def _nobody_waits() -> Iterator[None]:
    """For a while, which would be another one each time: whoever goes on next is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handling, "PAUSES_S", (0.0,) * handling.DECISIONS_MAX)
        patch.setattr(registers, "RETRY_FIRST_S", 3_600.0)
        yield


class Told(NamedTuple):
    """A final answer: to which request, and which event it names."""

    request: bytes
    status: int
    event_id: int


class Commands:
    """Attempts of one kind of command with one key, on processes that come and go."""

    def __init__(self, kind: str, *, exclusive: bool) -> None:
        self.engines = Engines()
        self.decided: dict[int, bytes] = {}
        self._kind = kind
        self._exclusive = exclusive
        self._processes: dict[int, Simulated] = {}
        self._ports: dict[int, Ports] = {}
        self._tried: list[tuple[bytes, asyncio.Task[Reply]]] = []

    def begin(self, number: int, request: bytes) -> None:
        """Try on the process of this number, or on a new one where that has died."""
        if number not in self._processes or self._processes[number].is_dead:
            process = self._processes[number] = Simulated(self.engines)
            keys = CassandraIdempotency(process.log, now_ms=lambda: self.engines.ms)
            self._ports[number] = replace(Fakes().ports, log=process.log, idempotency=keys)
        asked, decide = call(key="k", fingerprint=request), self._deciding(request)
        trying = run(asked, self._ports[number], decide, exclusive=self._exclusive)
        self._tried.append((request, asyncio.create_task(trying)))

    def another_is_first(self) -> None:
        """Somebody else's command takes the next version of the stream."""
        event = facts.followed_stranger(ADA, EVE)
        self.engines.streams[event.stream, self.engines.head(event.stream) + 1] = event.event_id

    async def run_out(self) -> None:
        """Let everything end well that is waited for."""
        await self.engines.still()
        while self.engines.waiting:
            self.engines.go_on(0)
            await self.engines.still()

    async def finish(self, request: bytes) -> None:
        """Try the same until it is told whether the key is this request's, where nothing fails."""
        ended = False
        while not ended:
            self.engines.ms += LEASE_MS + 1
            self.begin(PROCESSES, request)
            await self.run_out()
            ended = not isinstance(self._tried[-1][1].exception(), UNDECIDED)

    async def end(self) -> None:
        """Let nobody wait for anything any more."""
        self.engines.away()
        await asyncio.gather(*(task for _, task in self._tried), return_exceptions=True)

    def told(self) -> set[Told]:
        """All final answers."""
        found = set()
        for request, task in self._tried:
            error = task.exception()
            if error is None:
                reply = task.result()
                event_id = int(reply.body) if reply.status == 201 else 0
                found.add(Told(request, reply.status, event_id))
            elif isinstance(error, PostNotFound):
                found.add(Told(request, 404, 0))
            else:
                assert isinstance(error, (*UNDECIDED, KeyReused)), error
        return found

    def _deciding(self, request: bytes) -> Callable[[Ports], Awaitable[Decision]]:
        async def decide(_: Ports) -> Decision:
            if self._kind == "is refused":
                raise PostNotFound
            if self._kind == "records nothing":
                return Decision(Answer(204))
            tweet, follow = facts.tweet("ada"), facts.followed_stranger(ADA, EVE)
            event = tweet if self._kind == "publishes" else follow
            self.decided[event.event_id] = request
            answer = Answer(201, str(event.event_id).encode())
            if self._kind == "publishes":
                return Decision(answer, publish=(event,))
            head = self.engines.head(event.stream)
            return Decision(answer, append=(Append(event.stream, head, (event,)),))

        return decide


@settings(max_examples=EXAMPLES_MAX, deadline=None)
@given(data=st.data(), kind=st.sampled_from(KINDS), exclusive=st.booleans())
def test_a_key_has_one_effect_and_one_answer_in_every_order_of_things(
    data: st.DataObject, kind: str, exclusive: bool
) -> None:
    asyncio.run(_try(data, kind, exclusive=exclusive))


async def _try(data: st.DataObject, kind: str, *, exclusive: bool) -> None:
    commands = Commands(kind, exclusive=exclusive)
    try:
        await _check(data, commands)
    finally:
        await commands.end()


async def _check(data: st.DataObject, commands: Commands) -> None:
    for _ in range(data.draw(st.integers(1, STEPS_MAX))):
        await _something(data, commands)
    engines = commands.engines
    while engines.late:
        engines.come_late(0, at_all=data.draw(st.booleans()))
    await commands.run_out()
    for request in REQUESTS:
        await commands.finish(request)

    (told,) = commands.told()
    recorded = [event_id for event_id in engines.recorded if event_id in commands.decided]
    assert recorded == ([told.event_id] if told.event_id else [])
    assert all(commands.decided[event_id] == told.request for event_id in recorded)


async def _something(data: st.DataObject, commands: Commands) -> None:
    engines = commands.engines
    acts: dict[str, int] = {"begin": 1, "go on": 4 * len(engines.waiting)}
    acts |= {"come late": 2 * len(engines.late), "wait": 1, "another": 1}
    likely = [act for act, weight in acts.items() for _ in range(min(weight, 8))]
    match data.draw(st.sampled_from(likely)):
        case "begin":
            request = data.draw(st.sampled_from((REQUESTS[0],) * 4 + REQUESTS[1:]))
            commands.begin(data.draw(st.integers(0, PROCESSES - 1)), request)
        case "go on":
            number = data.draw(st.integers(0, len(engines.waiting) - 1))
            engines.go_on(number, data.draw(st.sampled_from(HOWS)))
        case "come late":
            number = data.draw(st.integers(0, len(engines.late) - 1))
            engines.come_late(number, at_all=True)
        case "wait":
            engines.ms += LEASE_MS + 1
        case _:
            commands.another_is_first()
    await engines.still()
