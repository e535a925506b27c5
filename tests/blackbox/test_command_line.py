"""Command line, on the folder of a running server."""

import json
import threading
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.blackbox.client import Api, Json, Person, expect, ids, items_of, problem
from tests.blackbox.server import Server

ASKED_MAX: Final = 120
POLL_S: Final = 0.25

pytestmark = pytest.mark.slow


def said(server: Server, *arguments: str, given: str = "") -> str:
    result = server.command(*arguments, given=given)
    assert result.returncode == 0, result.stderr
    return result.stdout


def shown(api: Api, path: str, *, count: int) -> list[Json]:
    """A list that comes to have so many. On the engines no token of ours is for what another
    program did."""
    pause = threading.Event()
    for _ in range(ASKED_MAX):
        found = items_of(api.get(path))
        if len(found) >= count:
            return found
        pause.wait(POLL_S)
    raise AssertionError(f"{path} does not show it")


def test_projections_are_shown_also_to_programs(server: Server, admin: Person) -> None:
    assert "home_timelines" in said(server, "projections")
    told = json.loads(said(server, "projections", "--json"))
    assert {one["name"] for one in told} == {
        one["name"] for one in admin.items("/v1/admin/projections")
    }


def test_the_log_is_read_while_the_server_writes(server: Server, ada: Person) -> None:
    post = ada.tweet("in the log")

    newest = [json.loads(line) for line in said(server, "log", "tail", "--json").splitlines()]
    assert any(post["id"] in json.dumps(told) for told in newest)
    shown = json.loads(said(server, "log", "show", f"post/{post['id']}", "--json"))
    assert shown["type"] == "tweet.posted.v1"
    assert shown in newest
    assert json.loads(said(server, "log", "stats", "--json"))
    assert server.command("log", "show", "post/1").returncode != 0


def test_settings_are_printed_with_their_sources(server: Server) -> None:
    told = json.loads(said(server, "settings", "--json"))
    by_name = {one["name"]: one for one in told}
    assert by_name["STARLING_RATE_LIMITS"] == {
        "name": "STARLING_RATE_LIMITS",
        "value": "off",
        "source": "environment",
    }
    assert by_name["STARLING_FANOUT_THRESHOLD"]["value"] == "10000"
    assert "STARLING_PROFILE" in said(server, "settings")


def test_a_password_is_set_for_somebody(server: Server, ada: Person) -> None:
    said(server, "admin", "set-password", ada.handle, given="a new password\n")

    problem(ada.get("/v1/accounts/me"), 401, "not-signed-in")
    ada.sign_in("a new password")
    assert server.command("admin", "set-password", "nobody_at_all", given="x\n").returncode != 0
    assert server.command("admin", "grant", "nobody_at_all").returncode != 0


def test_the_admin_scope_comes_with_the_next_sign_in(server: Server, ada: Person) -> None:
    said(server, "admin", "grant", ada.handle)

    problem(ada.get("/v1/admin/reports"), 403, "not-allowed")
    ada.sign_in()
    expect(ada.get("/v1/admin/reports"), 200)


def test_an_import_adds_what_is_not_there(
    server: Server, http: httpx.Client, tmp_path: Path
) -> None:
    posts, follows = tmp_path / "p.jsonl", tmp_path / "f.tsv"
    word = f"w{tmp_path.name.replace('_', '')[:14]}"
    rows = [
        {"id": "1", "user": "7", "created_at": "2019-05-01T12:00:00Z", "text": f"{word} old"},
        {
            "id": "2",
            "user": "8",
            "created_at": "2019-05-01T12:05:00Z",
            "text": f"{word} re",
            "in_reply_to": "1",
        },
    ]
    posts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    follows.write_text("8\t7\n")
    arguments = ("import", "--posts", str(posts), "--follows", str(follows), "--namespace", word)

    said(server, *arguments)
    said(server, *arguments)

    api = Api(http)
    api.person().tweet()
    found = shown(api, f"/v1/search/posts?q={word}", count=2)
    assert [post["text"] for post in found] == [f"{word} re", f"{word} old"]
    assert found[1]["created_at"] == "2019-05-01T12:00:00.000Z"
    assert found[0]["in_reply_to_id"] == found[1]["id"]
    author = found[1]["author_id"]
    followers = shown(api, f"/v1/accounts/{author}/followers", count=1)
    assert ids(followers) == [found[0]["author_id"]]


def test_a_mistake_exits_non_zero(server: Server) -> None:
    for arguments in (
        ("serve", "nothing"),
        ("import", "--posts", "/nowhere.jsonl"),
    ):
        result = server.command(*arguments)
        assert result.returncode != 0
        assert result.stderr.strip()
        assert "Traceback" not in result.stderr
