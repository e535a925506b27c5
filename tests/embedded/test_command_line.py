"""The `starling` program, on a folder that nobody serves."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app, main

runner = CliRunner()


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    for name, value in {
        "DATA": str(folder),
        "ARGON2_COST": "lowest",
        "SAMPLE": "0",
    }.items():
        monkeypatch.setenv(f"STARLING_{name}", value)
    return folder


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    path = tmp_path / "posts.jsonl"
    path.write_text(
        '{"id":"1","user":"ada","created_at":"2012-10-25T21:00:34Z","text":"hello"}\n'
        '{"id":"2","user":"bob","text":"hi","in_reply_to":"1"}\n'
        '{"id":"3","user":"bob","text":"hi","in_reply_to":"0"}\n'
    )
    return path


def starling(*arguments: str | Path, stdin: str | None = None) -> Result:
    result = runner.invoke(app, [str(argument) for argument in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_an_import_tells_its_progress_and_what_it_did(posts: Path, data: Path) -> None:
    result = starling("import", "--posts", posts)

    assert result.exit_code == 0
    *progress, told = result.stdout.splitlines()
    assert "posts.jsonl: 0 %, 0 events, 0/s" in progress
    assert told.startswith("2 accounts, 2 posts, 0 follows: 6 events in")
    assert str(data / "imports" / "posts.rejects.jsonl") in told


def test_an_import_for_programs_is_one_object(posts: Path) -> None:
    result = starling("import", "--posts", posts, "--namespace", "set", "--json")

    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert (summary["posts"], summary["rejected"], summary["known"]) == (2, 1, 0)


def test_several_files_can_be_named(posts: Path, tmp_path: Path) -> None:
    more, graph = tmp_path / "more.jsonl", tmp_path / "graph.tsv"
    more.write_text('{"id":"0","user":"ada","text":"first"}\n')
    graph.write_text("ada\tbob\n")

    result = starling(
        "import",
        "--posts",
        posts,
        "--posts",
        more,
        "--follows",
        graph,
        "--namespace",
        "x",
        "--json",
    )

    summary = json.loads(result.stdout)
    assert (summary["posts"], summary["follows"], summary["rejected"]) == (4, 1, 0)


def test_an_import_that_fails_says_why(tmp_path: Path) -> None:
    result = starling("import", "--posts", tmp_path / "missing.jsonl")

    assert result.exit_code == 1
    assert "missing.jsonl" in result.stderr


def test_an_import_of_nothing_is_refused() -> None:
    assert starling("import").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [("projections",), ("log", "tail"), ("log", "stats"), ("admin", "grant", "ada")],
)
def test_looking_makes_no_folder(arguments: tuple[str, ...], data: Path) -> None:
    result = starling(*arguments)

    assert result.exit_code == 1
    assert "There is no log" in result.stderr
    assert not data.exists()


def test_projections_are_listed(posts: Path) -> None:
    starling("import", "--posts", posts)

    listed = starling("projections").stdout
    for_programs = json.loads(starling("projections", "--json").stdout)

    assert "home_timelines" in listed
    assert {one["lag_events"] for one in for_programs} == {6}


def test_the_log_is_printed(posts: Path) -> None:
    starling("import", "--posts", posts)

    result = starling("log", "tail", "-n", "2")
    newest = [json.loads(line) for line in starling("log", "tail", "--json").stdout.splitlines()]

    assert len(result.stdout.splitlines()) == 2
    assert '"text":"hi"' in result.stdout
    assert [one["position"] for one in newest] == [1, 2, 3, 4, 5, 6]
    assert newest[-1]["type"] == "reply.posted.v1"


def test_a_stream_or_one_event_is_printed(posts: Path) -> None:
    starling("import", "--posts", posts)
    fifth = json.loads(starling("log", "show", "5", "--json").stdout)

    stream = starling("log", "show", fifth["stream"])

    assert fifth["position"] == 5
    assert stream.stdout.startswith("5 ")


@pytest.mark.parametrize("what", ["99", "0", "post/1"])
def test_what_the_log_does_not_have_cannot_be_printed(what: str, posts: Path) -> None:
    starling("import", "--posts", posts)

    result = starling("log", "show", what)

    assert result.exit_code == 1
    assert "The log has no" in result.stderr


def test_the_log_is_counted(posts: Path) -> None:
    starling("import", "--posts", posts)

    stats = json.loads(starling("log", "stats", "--json").stdout)

    assert (stats["events"], stats["head"]) == (6, 6)
    assert {one["type"]: one["events"] for one in stats["types"]} == {
        "account.opened.v1": 2,
        "handle.claimed.v1": 2,
        "tweet.posted.v1": 1,
        "reply.posted.v1": 1,
    }
    assert "tweet.posted.v1" in starling("log", "stats").stdout


def test_a_role_is_granted_and_a_password_set(posts: Path) -> None:
    starling("import", "--posts", posts)

    granted = starling("admin", "grant", "ada")
    set_password = starling("admin", "set-password", "@ada", stdin="a good password\n")

    assert (granted.exit_code, set_password.exit_code) == (0, 0)
    newest = json.loads(starling("log", "tail", "-n", "1", "--json").stdout)
    assert newest["event"]["role"] == "admin"


def test_a_short_password_is_refused(posts: Path) -> None:
    starling("import", "--posts", posts)

    result = starling("admin", "set-password", "ada", stdin="short\n")

    assert result.exit_code == 1
    assert "characters" in result.stderr


def test_workers_belong_to_the_cluster() -> None:
    result = starling("worker", "all")

    assert result.exit_code == 2
    assert "cluster" in result.stderr


@pytest.mark.parametrize("unknown", ["replay", "fly"])
def test_a_command_that_there_is_not_fails(unknown: str) -> None:
    assert starling(unknown).exit_code == 2


def told(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Why the program, run as a whole, exits with 1."""
    monkeypatch.setattr("sys.argv", ["starling", *arguments])
    monkeypatch.setattr("infra.interpreter.tune", lambda: None)  # this process goes on
    with pytest.raises(SystemExit) as ended:
        main()
    return str(ended.value.code)


def test_a_folder_that_cannot_be_made_is_told_in_a_line(
    posts: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.write_text("no folder")

    reason = told(monkeypatch, "import", "--posts", str(posts))

    assert reason == f"starling: [Errno 17] File exists: '{data}'"


@pytest.mark.parametrize("command", ["import", "projections", "log"])
def test_a_file_that_is_no_database_is_told_in_a_line(
    command: str, posts: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.mkdir()
    (data / "log.db").write_text("no database")
    more = {"import": ("--posts", str(posts)), "projections": (), "log": ("stats",)}

    reason = told(monkeypatch, command, *more[command])

    assert reason == "starling: A file in the data folder cannot be used: file is not a database"
