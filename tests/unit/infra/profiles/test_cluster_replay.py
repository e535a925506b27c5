"""A replay on the engines any of which may be away for a moment, at any step of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final, TypeVar, cast

import pytest

from domain.errors import NotFound, Unavailable
from domain.topics import Place
from infra.generations import AlreadyBuilt, Generation, State, first_of
from infra.kafka.groups import KafkaGroups
from infra.postgresql.dead_letters import PostgresqlDeadLetters
from infra.postgresql.generations import PostgresqlGenerations
from infra.profiles import cluster_swaps, waiting
from infra.profiles.clients import Clients
from infra.profiles.cluster_filling import Ends, Filling, Report
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_replay import Replays
from infra.profiles.cluster_stores import made
from infra.profiles.cluster_swaps import ClusterSwaps
from infra.profiles.names import Names
from infra.settings import Settings
from infra.steering import Orders
from projections.projection import Projection, StoreUnavailable
from projections.trends import TRENDS
from streams.rebuild import Helm, Rebuilt
from tests.cluster.faulty import Fault, Faults

END: Final = {Place("new_tweet", 0): 7}
BUILT: Final = Generation("trends", TRENDS.version, 2, "live")
T = TypeVar("T")


class Engines:
    """What a replay asks of them, in memory; each question is a step that may fail."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.servers = "kafka"
        self.workers = 1
        self.rows = {1: first_of(TRENDS)}
        self.locks: list[str] = []
        self.orders = ReplayOrders(self)
        self.topics = self
        self.clients = SimpleNamespace(names=Names())

    async def step(
        self, act: Callable[[], T], outage: Callable[[str], Exception] = StoreUnavailable
    ) -> T:
        async def done() -> T:
            return act()

        return await self._faults.on(done, outage)

    # As Kafka has the topics and who follows them.

    async def ends(self) -> Mapping[Place, int]:
        return await self.step(lambda: END, Unavailable)

    async def members(self, group: str) -> int:
        return await self.step(lambda: 1 if group.endswith("-1") else self.workers, Unavailable)

    # As PostgreSQL has the generations.

    def generations(self) -> "Engines":
        return self

    @asynccontextmanager
    async def alone(self, projection: Projection) -> AsyncIterator[None]:
        async with self.held(projection.name):
            yield

    @asynccontextmanager
    async def held(self, lock: str) -> AsyncIterator[None]:
        if lock in self.locks:
            raise AlreadyBuilt(lock)
        await self.step(lambda: None)
        self.locks.append(lock)
        try:
            yield
        finally:
            self.locks.remove(lock)

    async def of(self, projection: Projection) -> Sequence[Generation]:
        return await self.step(lambda: list(self.rows.values()))

    async def live(self, projection: Projection) -> Generation:
        return next(one for one in await self.of(projection) if one.state == "live")

    async def begin(self, _projection: Projection) -> Generation:
        return await self.step(self._begun)

    def _begun(self) -> Generation:
        for one in self.rows.values():
            if one.state in {"building", "filled"}:
                return one
        return self._put(self.rows[1]._replace(number=max(self.rows) + 1, state="building"))

    async def mark(self, one: Generation, state: State) -> bool:
        return await self.step(lambda: bool(self._put(one._replace(state=state))))

    async def swap(self, to: Generation) -> None:
        def swap() -> None:
            self._put(self.rows[1]._replace(state="kept"))
            self._put(to._replace(state="live"))

        await self.step(swap)

    def _put(self, one: Generation) -> Generation:
        self.rows[one.number] = one
        return one

    # As the stores of both generations.

    async def create(self) -> None:
        await self.step(lambda: None)

    async def checkpoint(self) -> Mapping[int, int]:
        return await self.step(lambda: {place.number: end for place, end in END.items()})


class ReplayOrders:
    """As PostgreSQL has what replays were told."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self.building = lambda one: engines.held(str(one.number))

    async def begin(self, _one: Generation, **_told: Any) -> Orders:
        return await self._engines.step(Orders)

    async def of(self, _one: Generation) -> Orders:
        return await self._engines.step(Orders)

    async def tell(self, _one: Generation, _rebuilt: Rebuilt) -> None:
        await self._engines.step(lambda: None)

    async def end(self, _one: Generation) -> None:
        await self._engines.step(lambda: None)


class Filled(Filling):
    """Fills nothing: how that goes on is another test's."""

    async def fill(self, one: Generation, ends: Ends, report: Report, helm: Helm) -> None:
        assert one.state == "building"
        assert ends == {place.number: end for place, end in END.items()}
        await helm.course(Rebuilt(0, sum(ends.values()), 0, 0.0))

    async def _store(self, one: Generation, by: Callable[..., Awaitable[Any]] = made) -> Any:
        return self.shared


class Installation:
    def __init__(self, fault: Fault | None = None, step: int = -1) -> None:
        self.faults = Faults(fault, step)
        self.engines = Engines(self.faults)
        swaps = ClusterSwaps(
            cast("PostgresqlGenerations", self.engines),
            cast("KafkaGroups", self.engines),
            cast("PostgresqlDeadLetters", None),
            cast("Clients", self.engines.clients),
            Settings(),
        )
        self.replays = Replays(Filled(Settings(), cast("ClusterLog", self.engines)), swaps)

    async def replay(self, **how: Any) -> Generation:
        return await self.replays.replay(TRENDS, lambda _: None, **how)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Installation]:
    """Makes one; nobody waits long."""
    monkeypatch.setattr(waiting, "RETRY_S", 0.0)
    monkeypatch.setattr(cluster_swaps, "PATIENCE_S", 0.0)
    made: list[Installation] = []

    def install(*fault: Any) -> Installation:
        made.append(Installation(*fault))
        return made[-1]

    async def store(*_which: Any, **_how: Any) -> Engines:
        return made[-1].engines

    monkeypatch.setattr(cluster_swaps, "made", store)
    return install


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER])
async def test_an_outage_at_whichever_step_is_waited_for(
    installed: Callable[..., Installation], fault: Fault
) -> None:
    whole = installed()
    assert await whole.replay() == BUILT
    steps = whole.faults.steps
    assert steps > 15

    for step in range(steps):
        there = installed(fault, step)
        built = await there.replay()

        assert (step, built) == (step, BUILT)
        assert there.faults.steps > step + 1
        assert {one.number: one.state for one in there.engines.rows.values()} == {
            1: "kept",
            2: "live",
        }
        assert there.engines.locks == []


async def test_workers_that_do_not_come_are_no_outage(
    installed: Callable[..., Installation],
) -> None:
    there = installed()
    there.engines.workers = 0

    with pytest.raises(Unavailable, match="No worker follows the log with generation 2"):
        await there.replay()

    assert there.engines.rows[2].state == "filled"
    assert there.engines.locks == []


async def test_nor_is_another_process_that_builds_it(
    installed: Callable[..., Installation],
) -> None:
    there = installed()
    async with there.engines.alone(TRENDS):
        with pytest.raises(AlreadyBuilt):
            await there.replay()

    assert list(there.engines.rows) == [1]


async def test_what_a_replay_would_do_is_told_as_soon_as_the_engines_answer(
    installed: Callable[..., Installation],
) -> None:
    whole = installed()
    await whole.replay(swap=False)
    before = whole.faults.steps
    plan = await whole.replays.planned(TRENDS)

    for step in range(before, whole.faults.steps):
        there = installed(Fault.LOST_REQUEST, step)
        await there.replay(swap=False)
        assert (step, await there.replays.planned(TRENDS)) == (step, plan)

    assert plan == (2, 7, 7)


async def test_one_that_is_not_proven_is_not_marked_as_filled(
    installed: Callable[..., Installation],
) -> None:
    there = installed()

    async def differs(_one: Generation) -> None:
        raise NotFound("a difference")

    with pytest.raises(NotFound):
        await there.replay(check=differs)

    assert there.engines.rows[2].state == "building"
