"""Poison in the middle of the log, on the runner and the real stores of every projection: the
partition goes on, the order of each key is kept, and a retry after the fix gives the view of a run
without poison."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from domain.events import Recorded
from infra.profiles.embedded_stores import Surroundings, opened
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from projections.projection import Projection
from streams import runner
from streams.answers.comparing import encoded
from streams.answers.keys import Key, Known
from streams.answers.questions import QUESTIONS
from streams.feed import Fed
from streams.local_progress import LocalProgress
from streams.registry import PROJECTIONS
from streams.runner import LocalRunner
from tests import facts
from tests.histories import DOINGS, PEOPLE, TEXTS, World

STEPS: Final = 240
BATCH: Final = 40
AROUND: Final = Surroundings(Settings(), lambda: facts.NOON_MS, 100)


class Log:
    """A feed of what one random world did."""

    partitions = (0,)

    def __init__(self) -> None:
        world, drawn = World(), random.Random(7)
        for _ in range(STEPS):
            who, whom = drawn.choices(PEOPLE, k=2)
            doing, text = drawn.choice(DOINGS), drawn.choice(TEXTS)
            world.do(doing, who, whom, drawn.randrange(1, 1_000), text)
        self.events: Sequence[Recorded] = world.log.recorded

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        return self.events[after : after + limit]

    async def wait(self, partition: int, after: int) -> None:
        raise NotImplementedError

    def head(self, partition: int) -> int:
        return len(self.events)


class Run:
    """A projection followed by a runner; it cannot take the events that are `odd`."""

    def __init__(self, projection: Projection, folder: Path, log: Log, closed: ExitStack) -> None:
        folder.mkdir()
        self.name = projection.name
        self._events = log.events
        self.odd: set[int] = set()
        self.taken: dict[int, list[int]] = defaultdict(list)
        made = opened(projection, folder / "store.db", AROUND)
        self.store: Any = closed.enter_context(closing(made))
        letters = SqliteDeadLetters(folder / "dead_letters.db")
        self.letters = closed.enter_context(closing(letters))
        self._project = projection.project
        poisoned = replace(projection, project=self._take)
        self.progress = LocalProgress([projection.name])
        self.runner = LocalRunner(
            log, [(poisoned, self.store)], letters, self.progress, crashed=_unheard
        )

    def _take(self, batch: Sequence[Recorded]) -> Sequence[Any]:
        if any(recorded.position in self.odd for recorded in batch):
            raise ZeroDivisionError("poison")
        for recorded in batch:
            self.taken[recorded.event.key].append(recorded.position)
        return self._project(batch)

    async def answers(self) -> dict[str, bytes]:
        """Everything that the projection's port answers about what the log names."""
        found: dict[str, bytes] = {}
        for question in QUESTIONS[self.name]:
            named = Known([question.kind])
            for recorded in self._events:
                named.note(recorded.event)
            for key in (*named.keys(question.kind), *(Key("list", one) for one in question.ids)):
                found[key.name] = encoded(await question.ask(self.store, key.id))
        return found


def _unheard(projection: str, error: BaseException) -> None:
    raise AssertionError(projection) from error


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    monkeypatch.setattr(runner, "BATCH_MAX", BATCH)
    with ExitStack() as closed:
        yield closed


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
async def test_a_retry_after_the_fix_gives_the_view_of_a_run_without_poison(
    projection: Projection, log: Log, tmp_path: Path, closed: ExitStack
) -> None:
    clean = Run(projection, tmp_path / "clean", log, closed)
    await clean.runner.catch_up()
    poisoned = Run(projection, tmp_path / "poisoned", log, closed)
    wanted = [one for one in log.events if type(one.event) in projection.events]
    poisoned.odd = {one.position for one in wanted[len(wanted) // 4 :: 5]}

    await poisoned.runner.catch_up()

    first = {}
    for one in reversed(wanted):
        if one.position in poisoned.odd:
            first[one.event.key] = one.position
    late = {one.position for one in wanted if one.position >= first.get(one.event.key, 10**9)}
    letters = await poisoned.letters.parked(projection.name, 1_000)
    assert {letter.position for letter in letters} == late
    assert await poisoned.store.checkpoint() == {0: log.head(0)}
    assert first
    assert await poisoned.answers() != await clean.answers()

    poisoned.odd.clear()
    assert await poisoned.letters.retry_all(projection.name) == len(late)
    await poisoned.runner.settle()

    assert await poisoned.letters.counts() == {}
    assert poisoned.taken == clean.taken
    assert await poisoned.answers() == await clean.answers()


async def test_the_generations_of_a_projection_retry_for_themselves(
    log: Log, tmp_path: Path, closed: ExitStack
) -> None:
    (projection,) = (one for one in PROJECTIONS if one.name == "author_timelines")
    run = Run(projection, tmp_path / "run", log, closed)
    newer: Any = opened(projection, tmp_path / "newer.db", AROUND)
    closed.enter_context(closing(newer))
    poisoned = run.runner.followed(run.store).pipeline.projection
    run.runner.follow(poisoned, newer, 2)
    run.odd = {one.position for one in log.events if type(one.event) in projection.events}
    run.odd = set(sorted(run.odd)[5:7])
    await run.runner.catch_up()
    both = set(await run.letters.counts())
    run.odd.clear()

    await run.letters.retry_all(projection.name)
    await run.runner.leave(newer)
    await run.runner.settle()

    assert {build.generation for build in both} == {1, 2}
    assert {build.generation for build in await run.letters.counts()} == {2}
