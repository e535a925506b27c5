"""Proofs that a view equals the log: of sound views, of views that somebody tampered with, and of
views that move on meanwhile."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner, Result

from domain.events import Profile, ProfileChanged, Recorded
from domain.ids import AccountId
from infra.cli import app
from infra.folder import projection_file
from infra.profiles.embedded import Embedded
from infra.settings import Settings
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.verifying import verdicts
from projections.account_directory import ACCOUNT_DIRECTORY, Operation
from projections.projection import Projection
from streams.answers.fold import Fold
from streams.answers.proof import Positions, Verdict, verify
from streams.registry import PROJECTIONS
from tests import facts
from tests.contract.refusals_contract import write
from tests.verified_town import happened, history

BY_NAME = {projection.name: projection for projection in PROJECTIONS}
runner = CliRunner()


class Plant(NamedTuple):
    """What somebody does to a view's file: `subject` finds whom to do it to, and `key` names them
    in the proof."""

    projection: str
    subject: str
    damage: str
    key: str


PLANTS = {
    "a lost like": Plant(
        "post_cards",
        "SELECT post_id, account_id FROM reactions WHERE liked > 0 AND post_id IN "
        "(SELECT post_id FROM posts)",
        "UPDATE reactions SET liked = 0 WHERE post_id = ?1 AND account_id = ?2",
        "post/{}",
    ),
    "a wrong count": Plant(
        "post_cards",
        "SELECT post_id FROM counts JOIN posts USING (post_id)",
        "UPDATE counts SET replies = replies + 1 WHERE post_id = ?1",
        "post/{}",
    ),
    "another text": Plant(
        "post_cards",
        "SELECT post_id FROM posts",
        "UPDATE posts SET text = replace(CAST(text AS TEXT), 'hello', 'jello'), "
        "edited = replace(CAST(edited AS TEXT), 'news', 'olds') WHERE ?1",
        "post/",
    ),
    "a lost bookmark": Plant(
        "post_cards",
        "SELECT account_id, post_id FROM reactions WHERE bookmarked > 0 AND post_id IN "
        "(SELECT post_id FROM posts)",
        "UPDATE reactions SET bookmarked = 0 WHERE account_id = ?1 AND post_id = ?2",
        "account/{}",
    ),
    "a lost post": Plant(
        "author_timelines",
        "SELECT author_id, post_id FROM posts",
        "DELETE FROM posts WHERE author_id = ?1 AND post_id = ?2",
        "account/{}",
    ),
    "a wrong number of tweets": Plant(
        "author_timelines",
        "SELECT author_id FROM counts WHERE tweets > 0",
        "UPDATE counts SET tweets = tweets - 1 WHERE author_id = ?1",
        "account/{}",
    ),
    "a lost entry of a home": Plant(
        "home_timelines",
        "SELECT actor_id, item_id FROM items",
        "DELETE FROM items WHERE actor_id = ?1 AND item_id = ?2",
        "account/{}",
    ),
    "a phantom in a home": Plant(
        "home_timelines",
        "SELECT actor_id FROM items",
        "INSERT INTO items VALUES (?1, 7, 7, ?1)",
        "account/{}",
    ),
    "a lost reply": Plant(
        "conversations",
        "SELECT parent_id, post_id FROM posts WHERE parent_id IS NOT NULL AND live = 1",
        "DELETE FROM posts WHERE parent_id = ?1 AND post_id = ?2",
        "post/{}",
    ),
    "a phantom edge": Plant(
        "follower_graph",
        "SELECT account_id FROM ties",
        "INSERT INTO ties SELECT ?1, 7, 1, 1, 0, 0, 0, 0, 7, 0, 0, 0",
        "account/{}",
    ),
    "a wrong number of followers": Plant(
        "follower_graph",
        "SELECT account_id FROM counts",
        "UPDATE counts SET followers = followers + 1 WHERE account_id = ?1",
        "account/{}",
    ),
    "a lost document": Plant(
        "search_index",
        "SELECT post_id FROM posts WHERE terms LIKE 'hello %'",
        "INSERT INTO post_terms (post_terms, rowid, terms) "
        "SELECT 'delete', post_id, terms FROM posts WHERE post_id = ?1",
        "term/hello",
    ),
    "a stale document": Plant(
        "search_index",
        "SELECT post_id FROM posts WHERE terms NOT LIKE 'hello %'",
        "INSERT INTO post_terms (rowid, terms) SELECT ?1, 'hello is:post'",
        "term/hello",
    ),
    "another handle": Plant(
        "search_index",
        "SELECT account_id FROM people",
        "UPDATE people SET handle = 'somebody' WHERE account_id = ?1",
        "handle/",
    ),
    "a wrong series": Plant(
        "engagement",
        "SELECT post_id FROM post_hours JOIN posts USING (post_id)",
        "UPDATE post_hours SET n = n + 1 WHERE post_id = ?1",
        "post/{}",
    ),
    "a wrong series of a tag": Plant(
        "engagement",
        "SELECT tag FROM tag_hours WHERE n > 0",
        "UPDATE tag_hours SET n = n + 1 WHERE tag = ?1",
        "tag/{}",
    ),
    "a wrong trend": Plant(
        "trends",
        "SELECT hour, tag FROM hours WHERE people > 0",
        "UPDATE hours SET people = people + 9 WHERE hour = ?1 AND tag = ?2",
        "hour/{}",
    ),
    "a missing notification": Plant(
        "notifications",
        "SELECT recipient_id, item_id FROM notifications WHERE live = 1",
        "DELETE FROM notifications WHERE recipient_id = ?1 AND item_id = ?2",
        "account/{}",
    ),
    "another display name": Plant(
        "account_directory",
        "SELECT account_id FROM accounts",
        "UPDATE accounts SET members = replace(CAST(members AS TEXT), 'display_name\":\"', "
        "'display_name\":\"x') WHERE account_id = ?1",
        "account/{}",
    ),
    "a phantom account": Plant(
        "account_directory",
        "SELECT 1",
        "INSERT INTO accounts SELECT 7, 'phantom', members, 1 FROM accounts LIMIT ?1",
        "list/accounts",
    ),
    "a lost report": Plant(
        "moderation",
        "SELECT report_id FROM reports WHERE resolved = 0",
        "DELETE FROM reports WHERE report_id = ?1",
        "list/open-reports",
    ),
    "a changed audit log": Plant(
        "moderation",
        "SELECT event_id FROM audit_log",
        "UPDATE audit_log SET action = 'nothing' WHERE event_id = ?1",
        "list/audit-log",
    ),
}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose views have everything."""
    folder = tmp_path_factory.mktemp("town") / "data"
    recorded = history()
    assert len(happened(recorded)) > 25

    async def fill() -> None:
        await write(embedded.log, recorded)
        await embedded.runner.catch_up()

    with Embedded(Settings(data=str(folder)), crashed=unexpected) as embedded:
        asyncio.run(fill())
    return folder


@pytest.fixture
def data(town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which the command line finds."""
    folder = tmp_path / "data"
    shutil.copytree(town, folder)
    monkeypatch.setenv("STARLING_DATA", str(folder))
    monkeypatch.setenv("STARLING_ARGON2_COST", "lowest")
    return folder


def unexpected(projection: str, error: BaseException) -> None:
    raise AssertionError(projection) from error


def verified(folder: Path, *names: str, sample: int | None = None) -> dict[str, Verdict]:
    projections = [BY_NAME[name] for name in names] or PROJECTIONS

    async def told() -> list[Verdict]:
        settings = Settings(data=str(folder))
        return [one async for one in verdicts(settings, projections, lambda *_: None, sample)]

    return {one.projection: one for one in asyncio.run(told())}


def damage(folder: Path, plant: Plant) -> str:
    """Do it; the key that the proof must name."""
    path = projection_file(folder, plant.projection, BY_NAME[plant.projection].version, 1)
    with closing(sqlite3.connect(path)) as file:
        subject = file.execute(f"{plant.subject} LIMIT 1").fetchone()
        assert subject is not None, "There is nobody to do it to"
        wanted = plant.damage.count("?2") > 0
        file.execute(plant.damage, subject if wanted else subject[:1])
        assert file.total_changes > 0
        file.commit()
    return plant.key.format(subject[0])


def starling(*arguments: str) -> Result:
    result = runner.invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_every_view_of_the_town_equals_the_log(town: Path) -> None:
    found = verified(town, sample=0)

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


@pytest.mark.parametrize("name", ["post_cards", "home_timelines", "search_index"])
def test_a_replay_mends_what_was_tampered_with(name: str, data: Path) -> None:
    for plant in PLANTS.values():
        if plant.projection == name:
            damage(data, plant)
    assert starling("verify", name).exit_code == 1

    assert starling("replay", name).exit_code == 0

    assert starling("verify", name).exit_code == 0


def test_the_command_line_tells_what_differs(data: Path) -> None:
    key = damage(data, PLANTS["a lost post"])

    told = starling("verify", "author_timelines")
    for_programs = starling("verify", "author_timelines", "--json")

    assert (told.exit_code, for_programs.exit_code) == (1, 1)
    assert told.stdout.startswith("author_timelines: DIFFERENT: 2 of ")
    assert f"{key} posts: view [] (of " in told.stdout
    assert "starling replay author_timelines" in told.stdout
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
