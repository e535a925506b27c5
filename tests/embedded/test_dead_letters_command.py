"""`starling dead-letters`, on a folder that nobody serves and beside a running server."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from commands.open_account import OpenAccount, open_account
from domain.events import AccountOpened, Recorded
from infra.cli import app
from infra.control.operator import Operator
from infra.control.socket import ControlSocket
from infra.importing.recording import give
from infra.profiles.embedded import Embedded
from infra.settings import Settings
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.generations import SqliteGenerations
from streams.dead_letters import Build, Parked
from streams.registry import PROJECTIONS
from streams.runner import PARTITION

runner = CliRunner()
TRENDS: Final = Build("trends", 1, 1)
# Where an import of the file below puts them; behind the end is nothing.
TWEET: Final = 3
REPLY: Final = 6
NOWHERE: Final = 99
KEY: Final = 7
# A projection answers as soon as it has the processor.
PATIENTLY: Final = ("--wait", 60)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tweet and a reply, made once."""
    folder = tmp_path_factory.mktemp("imported")
    posts = folder / "posts.jsonl"
    posts.write_text(
        '{"id":"1","user":"ada","created_at":"2012-10-25T21:00:34Z","text":"hello #tag"}\n'
        '{"id":"2","user":"bob","text":"hi","in_reply_to":"1"}\n'
    )
    with pytest.MonkeyPatch.context() as patched:
        serve_nobody(patched, folder / "data")
        assert starling("import", "--posts", posts).exit_code == 0
    return folder / "data"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    serve_nobody(monkeypatch, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def letters(imported: Path, data: Path) -> Iterator[SqliteDeadLetters]:
    """Of the imported folder, where nothing is parked yet."""
    shutil.copytree(imported, data)
    with closing(SqliteDeadLetters(data / "dead_letters.db")) as letters:
        yield letters


def serve_nobody(patched: pytest.MonkeyPatch, folder: Path) -> None:
    for name, value in {"DATA": str(folder), "ARGON2_COST": "lowest", "SAMPLE": "0"}.items():
        patched.setenv(f"STARLING_{name}", value)


def starling(*arguments: object) -> Result:
    result = runner.invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def about(*arguments: object) -> Result:
    return starling("dead-letters", *arguments)


def listed(*arguments: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(about("list", *arguments, "--json").stdout)
    return found


def park(letters: SqliteDeadLetters, *positions: int, build: Build = TRENDS) -> None:
    found = [Parked(build, 0, position, KEY, "ValueError: odd") for position in positions]
    asyncio.run(letters.park(found))


def audited() -> dict[str, Any]:
    newest: dict[str, Any] = json.loads(starling("log", "tail", "-n", "1", "--json").stdout)
    assert newest["type"] == "moderation.admin_acted.v1"
    event: dict[str, Any] = newest["event"]
    return event


def test_they_are_listed(letters: SqliteDeadLetters) -> None:
    assert "There are no dead letters" in about("list").stdout
    park(letters, TWEET, REPLY)
    park(letters, TWEET, build=Build("notifications", 1, 2))

    table = about("list", "trends").stdout

    assert [(one["projection"], one["generation"], one["position"]) for one in listed()] == [
        ("notifications", 2, TWEET),
        ("trends", 1, TWEET),
        ("trends", 1, REPLY),
    ]
    assert listed("trends")[0] == {
        "projection": "trends",
        "version": 1,
        "generation": 1,
        "partition": 0,
        "position": TWEET,
        "key": str(KEY),
        "error": "ValueError: odd",
        "requested": None,
    }
    assert "ValueError: odd" in table
    assert "notifications" not in table


def test_one_is_shown_in_clear_with_what_waits_behind_it(letters: SqliteDeadLetters) -> None:
    park(letters, TWEET, REPLY)

    shown = about("show", "trends", 0, TWEET)
    for_programs = json.loads(about("show", "trends", 0, REPLY, "--json").stdout)

    assert "trends v1.1, partition 0, position 3: ValueError: odd" in shown.stdout
    assert "hello #tag" in shown.stdout
    assert f"waiting behind it: {REPLY}" in shown.stdout
    assert (for_programs["ahead"], for_programs["behind"]) == ([TWEET], [])
    assert for_programs["event"]["type"] == "reply.posted.v1"
    assert for_programs["event"]["event"]["personal"]["text"] == "hi"


def test_what_an_error_quotes_moves_no_cursor(letters: SqliteDeadLetters) -> None:
    asyncio.run(letters.park([Parked(TRENDS, 0, TWEET, KEY, "bad \x1b[2J [red]words")]))

    for told in (about("list"), about("show", "trends", 0, TWEET)):
        assert "\x1b" not in told.stdout
        assert "[red]words" in told.stdout


def test_a_retry_applies_it_and_is_audited(letters: SqliteDeadLetters) -> None:
    park(letters, TWEET, REPLY)

    retried = about("retry", "trends", 0, REPLY)

    assert (retried.exit_code, retried.stdout) == (0, "applied: 1 of 1\n")
    assert listed() == []
    assert (audited()["action"], audited()["target"]) == (
        "retry_dead_letter",
        f"dead-letter/trends/0/{REPLY}",
    )


def test_a_retry_in_vain_fails_and_says_why(letters: SqliteDeadLetters) -> None:
    park(letters, NOWHERE)

    retried = about("retry", "trends", 0, NOWHERE)

    assert retried.exit_code == 1
    assert "1 still cannot be applied" in retried.stderr
    assert "position 99: it is not in the log" in retried.stderr


def test_all_of_a_projection_are_retried(letters: SqliteDeadLetters) -> None:
    for position, key in ((TWEET, 1), (REPLY, 2), (NOWHERE, 3)):
        asyncio.run(letters.park([Parked(TRENDS, 0, position, key, "odd")]))
    park(letters, TWEET, build=Build("notifications", 1, 1))

    retried = about("retry", "trends", "--all", "--json")

    told = json.loads(retried.stdout)
    assert retried.exit_code == 1
    assert (told["asked"], told["still_there"], told["unanswered"]) == (3, 1, 0)
    assert [(one["projection"], one["position"]) for one in listed()] == [
        ("notifications", TWEET),
        ("trends", NOWHERE),
    ]
    assert audited()["target"] == "dead-letters/trends"
    assert about("retry", "moderation", "--all").stdout == "applied: 0 of 0\n"


def test_of_a_generation_that_nobody_follows_it_is_said_that_it_is_not_done(
    letters: SqliteDeadLetters,
) -> None:
    park(letters, TWEET, build=Build("trends", 1, 9))

    retried = about("retry", "trends", "--all", "--wait", 0)

    assert retried.exit_code == 0
    assert "asked for, not done yet: 1" in retried.stdout


def test_one_is_discarded_for_a_reason(letters: SqliteDeadLetters) -> None:
    park(letters, TWEET, REPLY)

    discarded = about("discard", "trends", 0, TWEET, "--reason", "it was a test")

    assert (discarded.exit_code, discarded.stdout) == (0, "discarded: 1 of 1\n")
    assert listed() == []
    assert (audited()["action"], audited()["reason"]) == ("discard_dead_letter", "it was a test")


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("list", "nonsense"), 1, "There is no projection nonsense"),
        (("retry", "nonsense", "--all"), 1, "There is no projection nonsense"),
        (("show", "trends", 0, 5), 1, "trends has no dead letter at partition 0, position 5"),
        (("retry", "trends", 1, TWEET), 1, "trends has no dead letter at partition 1, position 3"),
        (("retry", "trends"), 2, "--all"),
        (("retry", "trends", 0, TWEET, "--all"), 2, "--all"),
        (("discard", "trends", 0, TWEET), 2, "--reason"),
        (("discard", "trends", 0, TWEET, "--reason", " "), 1, "A reason is needed"),
        (("discard", "trends", 0, TWEET, "--reason", "x" * 5_000), 1, "cannot be taken"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[object, ...], status: int, reason: str, letters: SqliteDeadLetters
) -> None:
    park(letters, TWEET)

    result = about(*arguments)

    assert result.exit_code == status
    assert reason in result.stderr
    assert asyncio.run(letters.unanswered("trends")) == 0


def test_with_pruned_generations_go_their_letters(letters: SqliteDeadLetters, data: Path) -> None:
    (trends,) = (one for one in PROJECTIONS if one.name == "trends")
    with closing(SqliteGenerations(data / "generations.db")) as generations:
        assert generations.begin(trends).number == 2
    for build in (TRENDS, Build("trends", 1, 2), Build("trends", 0, 7), Build("moderation", 0, 1)):
        park(letters, TWEET, build=build)

    assert starling("projections", "prune", "trends").exit_code == 0

    left = [(one["projection"], one["version"], one["generation"]) for one in listed()]
    assert left == [("moderation", 0, 1), ("trends", 1, 1)]


def test_looking_makes_no_folder(data: Path) -> None:
    result = about("list")

    assert result.exit_code == 1
    assert "There is no log" in result.stderr
    assert not data.exists()


async def test_a_running_server_does_what_was_asked(data: Path) -> None:
    """A projection that had a bug: one person's events wait; then it has none."""
    settings = Settings(data=str(data), argon2_cost="lowest", sample="0")
    embedded = Embedded(settings, crashed=_unheard)
    pipeline = embedded.runner.followed(embedded.views.account_directory).pipeline
    sound, odd = pipeline.projection, {"ada"}

    def project(batch: Any) -> Any:
        assert not any(_handle(one) in odd for one in batch), "a bug"
        return sound.project(batch)

    pipeline.projection = replace(sound, project=project)
    async with embedded.running(), ControlSocket(data, Operator(embedded)):
        for handle in ("ada", "bob"):
            await give(open_account, OpenAccount(handle=handle), embedded.ports)
        async with asyncio.timeout(60):
            status = embedded.progress.status("account_directory")
            await embedded.progress.caught_up(status, embedded.log.head)
        (parked,) = await embedded.dead_letters.parked(None, 9)

        in_vain = await asyncio.to_thread(about, "retry", "account_directory", "--all", *PATIENTLY)
        odd.clear()
        place = (PARTITION, parked.position)
        mended = await asyncio.to_thread(about, "retry", "account_directory", *place, *PATIENTLY)
        found = await embedded.views.account_directory.by_handle("ada")

    assert "AssertionError: a bug" in parked.error
    assert (in_vain.exit_code, mended.exit_code) == (1, 0)
    assert mended.stdout == "applied: 1 of 1\n"
    assert found is not None


def _handle(recorded: Recorded) -> str:
    event = recorded.event
    if isinstance(event, AccountOpened) and event.personal is not None:
        return event.personal.handle
    return ""


def _unheard(projection: str, error: BaseException) -> None:
    raise AssertionError(projection) from error
