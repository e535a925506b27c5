"""Views that somebody tampered with are mended, and a part of the log is applied again."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.testing import CliRunner, Result

from domain.ids import millis_of, rfc3339
from infra.cli import app
from infra.folder import projection_file
from tests import facts
from tests.blackbox.server import Server, serving
from tests.blackbox.town import Town
from tests.embedded.tampering import PLANTS, damage

# Whatever happened there leaves a row as it is that was changed beside it.
ONE_LOST_AND_ONE_MADE_UP: Final = ("a lost post", "a phantom account")
runner = CliRunner()


def starling(*arguments: str) -> Result:
    result = runner.invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def told(*arguments: str, status: int = 0) -> list[Any]:
    result = starling(*arguments, "--json")
    assert result.exit_code == status, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.torture
@pytest.mark.parametrize("what", PLANTS)
def test_what_was_tampered_with_is_mended(what: str, data: Path) -> None:
    plant = PLANTS[what]
    key = damage(data, plant)

    (found,) = told("verify", plant.projection, "--repair")

    assert found["outcome"] == "equal"
    assert any(one["key"].startswith(key) for one in found["repair"]["differences"])
    (whole,) = told("verify", plant.projection, "--sample", "0")
    assert whole["outcome"] == "equal"


@pytest.mark.parametrize("name", ["post_cards", "home_timelines", "search_index"])
def test_everything_that_was_tampered_with_in_a_view_is_mended(name: str, data: Path) -> None:
    for plant in PLANTS.values():
        if plant.projection == name:
            damage(data, plant)

    (found,) = told("verify", name, "--repair")

    assert found["repair"]["different"] > 0
    assert found["outcome"] == "equal"


def test_what_was_lost_is_applied_again_and_what_was_made_up_is_built_anew(data: Path) -> None:
    for what in ONE_LOST_AND_ONE_MADE_UP:
        damage(data, PLANTS[what])

    lost = starling("verify", "author_timelines", "--repair")
    (made_up,) = told("verify", "account_directory", "--repair")
    (sound,) = told("verify", "moderation", "--repair")

    assert lost.exit_code == 0
    assert lost.stdout.startswith("author_timelines: DIFFERENT: 2 of ")
    assert "events were applied again\nauthor_timelines: equal: 2 keys" in lost.stdout
    assert (made_up["outcome"], made_up["repair"]["way"]) == ("equal", "replayed")
    assert made_up["repair"]["generation"] == 2
    assert (sound["outcome"], sound["repair"]["way"]) == ("equal", "none")


def test_a_part_of_the_log_is_applied_again(data: Path) -> None:
    key = damage(data, PLANTS["a lost post"])
    account = key.removeprefix("account/")
    checkpoint = checkpoint_of(data, "author_timelines")

    (plan,) = told("replay", "author_timelines", "--account", account, "--dry-run")
    (done,) = told("replay", "author_timelines", "--account", account)

    assert plan["different"] >= 1
    assert key in {one["key"] for one in plan["differences"]}
    assert (done["generation"], done["applied"], done["failed"]) == (1, plan["events"], [])
    (after,) = told("replay", "author_timelines", "--account", account, "--dry-run")
    assert (after["events"], after["different"], after["error"]) == (plan["events"], 0, None)
    assert told("verify", "author_timelines")[0]["outcome"] == "equal"
    assert checkpoint_of(data, "author_timelines") == checkpoint


def test_it_is_named_by_account_by_post_by_time_or_by_partition(data: Path) -> None:
    name, ada = "post_cards", facts.account("ada")
    post_id, head = post_of(data, ada), checkpoint_of(data, name)
    at = rfc3339(millis_of(post_id))

    by_id, by_post, before, after, at_all, with_both = (
        told("replay", name, *part)[0]["applied"]
        for part in (
            ("--account", str(ada)),
            ("--post", str(post_id)),
            ("--until", at),
            ("--since", at),
            ("--partition", "log/0"),
            ("--account", str(ada), "--since", at),
        )
    )

    assert by_id > with_both > 0
    assert 1 <= by_post < by_id
    assert before + after == at_all <= head
    assert min(before, after) > 0


def test_what_cannot_be_asked_for_is_said(data: Path) -> None:
    del data
    for arguments, reason in (
        (("--since", "yesterday"), "not a time in RFC 3339"),
        (("--partition", "new_tweet/0"), "has one partition, log/0"),
        (("--post", "x"), "the id of a post"),
        (("--account", "nobody_there"), "Nobody has the handle"),
        (("--account", "1", "--verify"), "no other is built"),
    ):
        result = starling("replay", "post_cards", *arguments)

        assert result.exit_code == 1
        assert reason in result.stderr


def test_a_generation_that_differs_from_the_log_does_not_answer(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("replay", "trends", "--no-swap")[0]["verified"] is False
    built = projection_file(data, "trends", 1, 2)
    with closing(sqlite3.connect(built)) as file:
        file.execute("UPDATE hours SET people = people + 1")
        file.commit()

    refused = starling("replay", "trends", "--verify")

    assert refused.exit_code == 1
    assert refused.stdout.startswith("trends: DIFFERENT: ")
    assert "hour/" in refused.stdout
    assert "not swapped" in refused.stderr
    assert starling("projections", "prune", "trends").exit_code == 0
    (sound,) = told("replay", "trends", "--verify")
    assert (sound["built"], sound["answering"], sound["verified"]) == (2, 2, True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("repair") / "data") as server:
        yield server


@pytest.mark.slow
def test_a_server_mends_what_it_serves(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        town = Town(http, posts=5)
        before = town.answers()
        ada = int(town.ada.id)
        with closing(
            sqlite3.connect(projection_file(server.folder, "author_timelines", 1, 1))
        ) as f:
            f.execute("DELETE FROM posts WHERE author_id = ?", (ada,))
            f.commit()
        town.ada.tweet("to see that something is missing")
        assert town.answers() != before

        again = server.command("replay", "author_timelines", "--account", town.ada.handle)
        verified = server.command("verify", "author_timelines")

        assert again.returncode == 0, again.stderr
        assert "applied again to generation 1" in again.stdout
        assert verified.returncode == 0, verified.stdout
        assert len(town.ada.items(f"/v1/accounts/{ada}/posts", limit=100)) == 5
        # What the server keeps in its memory is what its file says.
        profile = town.ada.get(f"/v1/accounts/{ada}").json()
        assert profile["counts"]["tweets"] == 5


def checkpoint_of(folder: Path, name: str) -> int:
    with closing(sqlite3.connect(projection_file(folder, name, 1, 1))) as file:
        return int(file.execute("SELECT position FROM checkpoints").fetchone()[0])


def post_of(folder: Path, account_id: int) -> int:
    """The one in the middle of somebody's posts."""
    with closing(sqlite3.connect(projection_file(folder, "author_timelines", 1, 1))) as file:
        rows = file.execute(
            "SELECT post_id FROM posts WHERE author_id = ? ORDER BY post_id", (account_id,)
        ).fetchall()
    return int(rows[len(rows) // 2][0])
