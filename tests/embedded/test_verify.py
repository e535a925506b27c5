"""Proofs that a view equals the log: of sound views, of views that somebody tampered with, and of
views that move on meanwhile."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from domain.errors import Unavailable
from domain.events import Profile, ProfileChanged, Recorded
from domain.ids import AccountId
from infra.cli import app
from infra.folder import projection_file
from infra.settings import Settings
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.verifying import verdicts
from projections.account_directory import ACCOUNT_DIRECTORY, Operation
from projections.projection import Projection, StoreUnavailable
from streams.answers import proof
from streams.answers.fold import Fold
from streams.answers.proof import Positions, Verdict, verify
from streams.registry import BY_NAME, PROJECTIONS
from tests import facts
from tests.embedded.tampering import PLANTS, damage

runner = CliRunner()


def verified(folder: Path, *names: str, sample: int | None = None) -> dict[str, Verdict]:
    projections = [BY_NAME[name] for name in names] or PROJECTIONS

    async def told() -> list[Verdict]:
        settings = Settings(data=str(folder))
        return [one async for one in verdicts(settings, projections, lambda *_: None, sample)]

    return {one.projection: one for one in asyncio.run(told())}


def starling(*arguments: str) -> Result:
    result = runner.invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_every_view_of_the_town_equals_the_log(sound_town: Path) -> None:
    found = verified(sound_town, sample=0)

    assert found.keys() == BY_NAME.keys()
    for verdict in found.values():
        assert (verdict.error, verdict.differences, verdict.undecided) == (None, [], [])
        assert verdict.keys > 0
        assert verdict.view.shards == verdict.log.shards
        assert verdict.set_aside == 0


@pytest.mark.parametrize("what", PLANTS)
def test_what_was_tampered_with_is_found_and_named(what: str, data: Path) -> None:
    plant = PLANTS[what]
    key = damage(data, plant)

    verdict = verified(data, plant.projection)[plant.projection]

    assert verdict.different > 0
    assert any(one.key.startswith(key) for one in verdict.differences), verdict.differences
    assert verdict.view.whole != verdict.log.whole


def test_the_command_line_tells_what_differs(data: Path) -> None:
    key = damage(data, PLANTS["a lost post"])

    told = starling("verify", "author_timelines")
    for_programs = starling("verify", "author_timelines", "--json")

    assert (told.exit_code, for_programs.exit_code) == (1, 1)
    assert told.stdout.startswith("author_timelines: DIFFERENT: 2 of ")
    assert f"{key} posts: view [] (of " in told.stdout
    assert "starling verify author_timelines --repair" in told.stdout
    verdict = json.loads(for_programs.stdout)
    assert verdict["outcome"] == "different"
    assert key in {one["key"] for one in verdict["differences"]}
    assert 1 <= sum(shard["view"] != shard["log"] for shard in verdict["shards"]) <= 2


def test_all_of_them_are_told_one_a_line(data: Path) -> None:
    result = starling("verify", "--all", "--sample", "3", "--json")

    assert result.exit_code == 0
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["projection"] for one in found] == list(BY_NAME)
    assert {one["outcome"] for one in found} == {"equal"}
    assert all(one["keys"] <= 3 * 4 + 6 for one in found)


def test_what_cannot_be_told_is_neither_equal_nor_different(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection_file(data, "trends", 1, 1).unlink()

    missing, unknown = starling("verify", "trends"), starling("verify", "nonsense")
    monkeypatch.setenv("STARLING_DATA", str(tmp_path / "nothing"))
    nowhere = starling("verify", "trends")

    assert [one.exit_code for one in (missing, unknown, nowhere)] == [2, 2, 2]
    assert "could not tell" in missing.stdout
    assert "There is no projection nonsense" in unknown.stderr
    assert "There is no log" in nowhere.stderr
    assert not (tmp_path / "nothing").exists()


class GrowingLog:
    """A feed in memory, to which events are added."""

    partitions = (0,)

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        self.events = list(recorded)

    def head(self, partition: int) -> int:
        return len(self.events)

    async def wait(self, partition: int, after: int) -> None:
        assert len(self.events) > after

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Recorded]:
        return self.events[after : after + limit]


class Restless:
    """A live directory: whenever it is asked about somebody, something happens to everybody, of
    which it hears a little later. `deaf`: it hears nothing of this person any more."""

    def __init__(self, path: Path, log: GrowingLog, *, deaf: AccountId | None = None) -> None:
        self._directory = SqliteAccountDirectory(path)
        self._log = log
        self._deaf = deaf
        self._turn = 0
        self.store: Any = self

    async def happen(self) -> None:
        self._turn += 1
        people = [name for name in facts.NAMES if facts.account(name) != self._deaf]
        for name in people:
            renamed = ProfileChanged(
                event_id=facts.event_id(),
                actor_id=facts.account(name),
                personal=Profile(name, f"{name} {self._turn}"),
            )
            place = len(self._log.events) + 1
            self._log.events.append(Recorded(renamed, 1 + self._turn, place))
        await self.hear(len(self._log.events) - len(people))

    async def hear(self, until: int) -> None:
        heard = [e for e in self._log.events[:until] if e.event.actor_id != self._deaf]
        await self._directory.apply(ACCOUNT_DIRECTORY.project(heard), {0: until})

    async def profiles(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, bytes]:
        await self.happen()
        return await self._directory.profiles(account_ids)

    async def checkpoint(self) -> Mapping[int, int]:
        return await self._directory.checkpoint()

    async def apply(self, operations: Sequence[Operation], checkpoint: Positions) -> None:
        raise NotImplementedError

    async def handles(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, str]:
        return await self._directory.handles(account_ids)

    async def by_handle(self, handle: str) -> AccountId | None:
        return await self._directory.by_handle(handle)

    async def count(self) -> int:
        return await self._directory.count()

    async def renew(self) -> None:
        await self.hear(len(self._log.events))

    async def furthest(self) -> Positions:
        return {0: len(self._log.events)}

    def close(self) -> None:
        self._directory.close()


class Outages:
    """Of all that is asked of an engine it answers the second and the third question of three."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def on(self, what: str, outage: Callable[[str], Exception] = StoreUnavailable) -> None:
        self.asked[what] += 1
        if self.asked[what] % 3 == 1:
            raise outage(f"no {what} at the moment")


class Flickering(Restless):
    """One whose engine is away again and again."""

    def __init__(self, path: Path, log: GrowingLog, outages: Outages) -> None:
        super().__init__(path, log)
        self._outages = outages

    async def profiles(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, bytes]:
        self._outages.on("profiles")
        return await super().profiles(account_ids)

    async def checkpoint(self) -> Mapping[int, int]:
        self._outages.on("checkpoint")
        return await super().checkpoint()

    async def furthest(self) -> Positions:
        self._outages.on("furthest")
        return await super().furthest()


class FlickeringLog(GrowingLog):
    """Likewise."""

    def __init__(self, recorded: Sequence[Recorded], outages: Outages) -> None:
        super().__init__(recorded)
        self._outages = outages

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Recorded]:
        self._outages.on("events", Unavailable)
        return await super().read(partition, after, limit)


def proven(view: Restless, log: GrowingLog, path: Path) -> Verdict:
    scratch = SqliteAccountDirectory(path)
    projection: Projection = ACCOUNT_DIRECTORY

    async def prove() -> Verdict:
        await view.hear(len(log.events))
        fold = Fold(projection, scratch, log, ["account", "handle"])
        return await verify(projection, view, fold, lambda _step: None)

    with closing(scratch), closing(view):
        return asyncio.run(prove())


@pytest.fixture
def opened() -> GrowingLog:
    return GrowingLog(facts.recorded(facts.opened(name) for name in facts.NAMES))


def test_a_view_that_moves_on_is_not_taken_for_a_wrong_one(
    tmp_path: Path, opened: GrowingLog
) -> None:
    verdict = proven(Restless(tmp_path / "live.db", opened), opened, tmp_path / "fold.db")

    assert (verdict.different, verdict.differences) == (0, [])


def test_a_view_that_lost_something_is_found_out_while_everything_moves(
    tmp_path: Path, opened: GrowingLog
) -> None:
    eve = facts.account("eve")
    view = Restless(tmp_path / "live.db", opened, deaf=eve)

    verdict = proven(view, opened, tmp_path / "fold.db")

    named = {one.key for one in verdict.differences}
    assert named == {f"account/{eve}", "handle/eve", "list/accounts"}
    assert not named & set(verdict.undecided)


def test_an_outage_that_is_over_soon_is_waited_for(
    tmp_path: Path, opened: GrowingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "AGAIN_S", 0.0)
    outages = Outages()
    log = FlickeringLog(opened.events, outages)

    verdict = proven(Flickering(tmp_path / "live.db", log, outages), log, tmp_path / "fold.db")

    assert (verdict.error, verdict.differences) == (None, [])
    assert verdict.keys > 0
    assert min(outages.asked[what] for what in ("profiles", "checkpoint", "furthest", "events")) > 1
