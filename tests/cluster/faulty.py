"""Engines that fail at a chosen step, and a topic that one can look into."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Any, Final, TypeVar
from zlib import crc32

from cassandra.query import BatchType

from domain.errors import Unavailable
from domain.topics import Place
from infra.cassandra.appending import Producer
from infra.cassandra.log_tables import Statement
from infra.cassandra.session import CassandraSession
from projections.projection import StoreUnavailable
from streams.records import Record

PARTITIONS: Final = 4
T = TypeVar("T")


class Crash(Exception):
    """The process died: nothing that it does afterwards comes to anything."""


class Fault(Enum):
    """What happens at the step."""

    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    LOST_REQUEST = auto()  # an outage, and nothing was done
    LOST_ANSWER = auto()  # an outage, and everything was done


class Faults:
    """Counts steps on engines, and lets the one fail. The first step is 0."""

    def __init__(self, fault: Fault | None = None, step: int = -1) -> None:
        self._fault = fault
        self._step = step
        self._dead = False
        self.steps = 0

    async def on(self, act: Callable[[], Awaitable[T]], outage: Callable[[str], Exception]) -> T:
        if self._dead:
            raise Crash
        step = self.steps
        self.steps += 1
        fault = self._fault if step == self._step else None
        if fault is Fault.CRASH_BEFORE:
            self._dead = True
            raise Crash
        if fault is Fault.LOST_REQUEST:
            raise outage("the request was lost")
        done = await act()
        if fault is Fault.CRASH_AFTER:
            self._dead = True
        if self._dead:
            raise Crash
        if fault is Fault.LOST_ANSWER:
            raise outage("the answer was lost")
        return done


class FaultySession(CassandraSession):
    """A session whose statements fail as they are told to."""

    def __init__(self, session: CassandraSession, faults: Faults) -> None:
        self._real = session
        self._faults = faults

    async def create(self, statements: Iterable[str]) -> None:
        await self._real.create(statements)

    async def execute(self, cql: str, values: Sequence[Any] = ()) -> list[Any]:
        return await self._faults.on(lambda: self._real.execute(cql, values), StoreUnavailable)

    async def execute_unpaged(self, cql: str, values: Sequence[Any]) -> list[Any]:
        return await self._faults.on(
            lambda: self._real.execute_unpaged(cql, values), StoreUnavailable
        )

    async def execute_serial(self, cql: str, values: Sequence[Any] = ()) -> list[Any]:
        return await self._faults.on(
            lambda: self._real.execute_serial(cql, values), StoreUnavailable
        )

    async def execute_many(
        self, statements: Sequence[Statement], *, at_once: int = 64
    ) -> list[list[Any]]:
        return [await self.execute(cql, values) for cql, values in statements]

    async def batch(
        self, statements: Sequence[Statement], *, batch_type: BatchType = BatchType.UNLOGGED
    ) -> list[Any]:
        return await self._faults.on(lambda: self._real.batch(statements), StoreUnavailable)


class Topics:
    """Topics in memory: implements `Producer` for the log."""

    def __init__(self) -> None:
        self.records: dict[Place, list[Record]] = {}
        self.order: list[Record] = []

    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        return [self._put(record) for record in records]

    def _put(self, record: Record) -> tuple[Place, int]:
        place = Place(record.topic, crc32(record.key) % PARTITIONS)
        self.records.setdefault(place, []).append(record)
        self.order.append(record)
        return place, len(self.records[place]) - 1

    def first_seen(self) -> list[tuple[str, int]]:
        """(stream, version) of each event, in the order of their first appearance."""
        said = [dict(record.headers) for record in self.order]
        return list(
            dict.fromkeys(
                (headers["ce_subject"].decode(), int(headers["ce_streamversion"]))
                for headers in said
            )
        )


class FaultyTopics:
    """A way to the topics that fails as it is told to."""

    def __init__(self, topics: Producer, faults: Faults) -> None:
        self._topics = topics
        self._faults = faults

    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        return await self._faults.on(lambda: self._topics.produce(records), Unavailable)


class Refusing:
    """Fails for the events of a stream, and not because of an outage."""

    def __init__(self, topics: Topics, stream: str) -> None:
        self._topics = topics
        self._stream = stream.encode()

    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        if ("ce_subject", self._stream) in records[0].headers:
            raise RuntimeError("a bug")
        return await self._topics.produce(records)


class Late(FaultySession):
    """A session whose first batch is sent late. Its process dies then, or was told before that
    there is no answer."""

    def __init__(
        self,
        session: CassandraSession,
        *,
        dies: bool = False,
        answers: bool = True,
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(session, Faults())
        self.held = asyncio.Event()
        self.free = asyncio.Event()
        self._dies = dies
        self._answers = answers
        self._meanwhile = meanwhile
        self._sending: asyncio.Task[list[Any]] | None = None

    async def batch(
        self, statements: Sequence[Statement], *, batch_type: BatchType = BatchType.UNLOGGED
    ) -> list[Any]:
        if self._sending is not None:
            return await super().batch(statements)
        self._sending = asyncio.create_task(self._send(statements))
        self.held.set()
        if self._meanwhile is not None:
            await self._meanwhile()
        if not self._answers:
            raise StoreUnavailable("no answer")
        answer = await self._sending
        if self._dies:
            raise Crash
        return answer

    async def sent(self) -> list[Any]:
        assert self._sending is not None
        return await self._sending

    async def _send(self, statements: Sequence[Statement]) -> list[Any]:
        await self.free.wait()
        return await super().batch(statements)


class NoTopics:
    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        raise Unavailable("Kafka is away")
