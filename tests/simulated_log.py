"""A log of several processes whose engines answer when, and how, a test says: nothing happens by
itself, so that every order of what processes do can be tried, and every way to die or to be left
without an answer at every step.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, NamedTuple, cast

from commands.ports import VersionConflict
from domain.topics import Place
from infra.cassandra.appending import Appending
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.kept import Entry, Placed
from infra.cassandra.session import CassandraSession
from projections.projection import StoreUnavailable
from streams.envelope import Codec
from streams.records import Record
from tests.fakes import NOON_MS
from tests.golden_events import GoldenKeyring

PLACE: Final = Place("everything", 0)
# Turns of the loop in which nothing new is asked of an engine: then everybody waits for one.
STILL_TURNS: Final = 12


class How(Enum):
    """What becomes of a step on an engine."""

    DONE = auto()
    LOST_REQUEST = auto()  # an outage, and nothing is done
    LOST_ANSWER = auto()  # an outage, and it is done
    LATE = auto()  # an outage, and it is done later, or never
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    DIES_LATE = auto()  # its process is gone when it is done


OUTAGES: Final = frozenset({How.LOST_REQUEST, How.LOST_ANSWER, How.LATE})
DEATHS: Final = frozenset({How.DIES_BEFORE, How.DIES_AFTER, How.DIES_LATE})
_AT_ONCE: Final = frozenset({How.DONE, How.LOST_ANSWER, How.DIES_AFTER})
_LATER: Final = frozenset({How.LATE, How.DIES_LATE})


class Dead(Exception):
    """The process died: nothing that it does afterwards comes to anything."""


class Step(NamedTuple):
    """What a process waits for."""

    process: "Simulated"
    act: Callable[[], Any]
    outcome: "asyncio.Future[Any]"


class Row(NamedTuple):
    """A receipt as it is kept, with what a conditional write told."""

    applied: bool
    owner: str = ""
    lease_until_ms: int = 0
    fingerprint: bytes = b""
    answer: bytes | None = None
    entry: bytes | None = None


class Noted(NamedTuple):
    """That a receipt's events are in the log."""

    owner: str
    vector: dict[str, int]


class Engines:
    """Receipts, a topic, and streams of which each version is taken once."""

    def __init__(self) -> None:
        self.ms = NOON_MS
        self.waiting: list[Step] = []
        self.late: list[Callable[[], Any]] = []
        self.topic: list[int] = []
        self.streams: dict[tuple[str, int], int] = {}
        self._receipts: dict[tuple[str, str], Row] = {}
        self._noted: dict[tuple[str, str], Noted] = {}
        self._asked = 0
        self._are_away = False

    @property
    def recorded(self) -> list[int]:
        """The ids of all events that are in the log, each once."""
        return [*dict.fromkeys(self.topic), *self.streams.values()]

    async def ask(self, process: "Simulated", act: Callable[[], Any]) -> Any:
        """Wait until somebody says what becomes of it."""
        if process.is_dead or self._are_away:
            raise Dead
        self._asked += 1
        step = Step(process, act, asyncio.get_running_loop().create_future())
        self.waiting.append(step)
        return await step.outcome

    async def still(self) -> None:
        """Return when every process waits for an engine, or for nothing any more."""
        turns, asked = 0, self._asked
        while turns < STILL_TURNS:
            await asyncio.sleep(0)
            turns, asked = (turns + 1, asked) if asked == self._asked else (0, self._asked)

    def away(self) -> None:
        """Answer nobody any more, and nothing that is waited for."""
        self._are_away = True
        for step in self.waiting:
            step.outcome.set_exception(Dead())

    def go_on(self, number: int, how: How = How.DONE) -> None:
        """Let one of the steps that are waited for come to this."""
        step = self.waiting.pop(number)
        found: Any = None
        error: Exception | None = None
        if how in _AT_ONCE:
            try:
                found = step.act()
            except VersionConflict as conflict:
                error = conflict
        elif how in _LATER:
            self.late.append(step.act)
        if how in OUTAGES:
            error = StoreUnavailable("no answer")
        if how in DEATHS:
            step.process.is_dead = True
            error = Dead()
            for other in [one for one in self.waiting if one.process is step.process]:
                self.waiting.remove(other)
                self.late.append(other.act)
                other.outcome.set_exception(Dead())
        if error is not None:
            step.outcome.set_exception(error)
        else:
            step.outcome.set_result(found)

    def come_late(self, number: int, *, at_all: bool) -> None:
        """Do, or forget, what was to be done late."""
        act = self.late.pop(number)
        if at_all:
            with suppress(VersionConflict):
                act()

    def execute(self, cql: str, values: Sequence[Any]) -> list[Any]:
        """One statement on the receipts; of others nothing is needed."""
        table = cql.split("sim_", 1)[1].split(maxsplit=1)[0].strip("(")
        verb = cql.split(maxsplit=1)[0]
        if table == "receipts":
            return [self._conditional(verb, values)]
        if table == "receipts_done":
            return self._on_notes(verb, values)
        assert table == "registers", cql
        return []

    def decide(self, entry: Entry) -> None:
        """What `Appending.append` promises for one event, in one step."""
        (one,) = entry.kept
        if self.streams.setdefault((one.stream, one.version), one.event_id) != one.event_id:
            raise VersionConflict(one.stream)

    def put(self, records: Sequence[Record]) -> list[tuple[Place, int]]:
        """Records at the end of the topic."""
        for record in records:
            self.topic.append(int(dict(record.headers)["ce_id"]))
        behind = len(self.topic)
        return [(PLACE, offset) for offset in range(behind - len(records), behind)]

    def head(self, stream: str) -> int:
        """The newest version of a stream."""
        return max((version for name, version in self.streams if name == stream), default=0)

    def _conditional(self, verb: str, values: Sequence[Any]) -> Row:
        if verb == "INSERT":
            key, row = (values[0], values[1]), Row(True, *values[2:7])
            found = self._receipts.setdefault(key, row)
            return found._replace(applied=found is row)
        scope, key_name, owner = values[-3:]
        key = (scope, key_name)
        found = self._receipts.get(key, Row(False))
        if found.owner != owner or (verb == "DELETE" and found.answer is not None):
            return found._replace(applied=False)
        if verb == "DELETE":
            del self._receipts[key]
        else:
            self._receipts[key] = Row(True, *values[1:6])
        return Row(True)

    def _on_notes(self, verb: str, values: Sequence[Any]) -> list[Any]:
        key = (values[0], values[1])
        if verb == "INSERT":
            self._noted[key] = Noted(values[2], values[3])
            return []
        found = self._noted.get(key)
        return [] if found is None else [found]


class Simulated:
    """A process: its session, its producer, and its log."""

    def __init__(self, engines: Engines) -> None:
        self.is_dead = False
        self._engines = engines
        self.log = ClusterEventLog(
            cast("CassandraSession", self),
            "sim",
            self,
            Codec(GoldenKeyring()),
            now_ms=lambda: engines.ms,
        )
        self.log.appending = cast("Appending", _Appending(self, engines))

    async def execute(self, cql: str, values: Sequence[Any] = ()) -> list[Any]:
        return list(await self._engines.ask(self, lambda: self._engines.execute(cql, values)))

    async def batch(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        def act() -> list[Any]:
            return [self._engines.execute(*one) for one in statements]

        return list(await self._engines.ask(self, act))

    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        found: list[tuple[Place, int]] = await self._engines.ask(
            self, lambda: self._engines.put(records)
        )
        return found


class _Appending:
    """Appends in one step: how that is done in several has tests of its own."""

    def __init__(self, process: Simulated, engines: Engines) -> None:
        self._process = process
        self._engines = engines

    async def append(self, entry: Entry) -> tuple[Entry, Placed]:
        await self._engines.ask(self._process, lambda: self._engines.decide(entry))
        return entry, {}
