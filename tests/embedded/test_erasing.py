"""A person is erased from a served folder: no store answers anything, no file has a word of them,
and a replay finds them nowhere.
"""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.blackbox.client import PASSWORD, Api, Person, expect, items_of, made, new_word
from tests.blackbox.server import Server, serving

# Each test starts the program a few times.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Nothing else in the folder has these.
IMPORTED: Final = "zyx_imported"
IMPORTED_WORD: Final = "qwimported"
OTHERS: Final = 60
POSTS: Final = 900
Json = dict[str, Any]


class Ada:
    """Somebody who does a bit of everything, with bob; nothing else has their handle or word."""

    def __init__(self, api: Api, bob: Person) -> None:
        self.word = new_word()
        self.handle = f"zyx_{self.word[:8]}"
        self.person = api.person(self.handle, display_name=f"The {self.word}")
        self.id = self.person.id
        self._live(bob)

    def _live(self, bob: Person) -> None:
        ada, word = self.person, self.word
        ada.relate("follow", bob)
        bob.relate("follow", ada)
        tweet = {"text": f"hello {word} #{word}tag https://{word}.example/"}
        once = {"Idempotency-Key": "once"}
        first = made(ada.post("/v1/tweets", json=tweet, headers=once))
        edited = f"/v1/tweets/{ada.tweet(f'{word} to be edited')['id']}"
        text = {"text": f"{word} was edited"}
        expect(ada.patch(edited, json=text, headers={"If-Match": '"1"'}), 200)
        expect(ada.delete(f"/v1/tweets/{ada.tweet(f'{word} to be deleted')['id']}"), 204)
        theirs = bob.tweet("of bob")
        ada.reply(theirs, f"{word} in a reply")
        bob.reply(first, "indeed")
        for how in ("like", "repost", "bookmark"):
            ada.react(how, theirs)
            bob.react(how, first)
        report = {"reason": "spam", "comment": f"{word} of a report"}
        expect(ada.post(f"/v1/posts/{theirs['id']}/reports", json=report), 201)
        expect(ada.patch("/v1/accounts/me", json={"bio": f"still {word}"}), 200)


class Town:
    """A server with people from a file, and bob. The tests add whom they erase."""

    def __init__(self, server: Server, http: httpx.Client, folder: Path) -> None:
        self.server = server
        self.api = Api(http)
        self.bob = self.api.person("bob")
        posts = folder / "posts.jsonl"
        posts.write_text("".join(f"{json.dumps(line)}\n" for line in _lines()))
        done(server.command("import", "--posts", str(posts), "--json"))

    def erase(self, whom: str) -> Json:
        return done(self.server.command("erase", whom, "--yes", "--json"))

    def files_with(self, *words: str) -> set[str]:
        """The files of the folder that have one of these in them, in any case."""
        wanted = [word.lower().encode() for word in words]
        folder = self.server.folder
        return {
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if path.is_file() and any(word in path.read_bytes().lower() for word in wanted)
        }

    def answers(self, word: str) -> list[Json]:
        """What bob sees."""
        paths = (
            "/v1/timelines/home?limit=100",
            "/v1/timelines/public?limit=100",
            "/v1/notifications?limit=100",
            f"/v1/search/posts?q={word}",
            f"/v1/accounts/{self.bob.id}",
            f"/v1/accounts/{self.bob.id}/followers",
            f"/v1/accounts/{self.bob.id}/posts?limit=100",
        )
        return [_in_order(expect(self.bob.get(path), 200).json()) for path in paths]


def _in_order(answer: Json) -> Json:
    """What a page includes has no order of its own."""
    for included in answer.get("includes", {}).values():
        included.sort(key=lambda one: int(one["id"]))
    return answer


def _lines() -> Iterator[Json]:
    """The posts of many people, in no order of theirs, so that full pages are split."""
    chance = random.Random(1)
    for n in range(POSTS):
        user = IMPORTED if n % 30 == 0 else f"somebody{chance.randrange(OTHERS)}"
        word = IMPORTED_WORD if user == IMPORTED else "word"
        filler = "x" * chance.randrange(100)
        yield {"id": str(n), "user": user, "text": f"{word} number {n} #tag{n % 7} {filler}"}
    yield {"id": "late", "user": IMPORTED, "text": IMPORTED_WORD, "in_reply_to": "nothing"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("erasing")
    with (
        serving(folder / "data") as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        yield Town(server, http, folder)


@pytest.fixture
def ada(town: Town) -> Ada:
    return Ada(town.api, town.bob)


def done(ended: "subprocess.CompletedProcess[str]") -> Json:
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def test_who_was_erased_is_gone_for_everybody(town: Town, ada: Ada) -> None:
    posts = items_of(town.bob.get(f"/v1/accounts/{ada.id}/posts"))
    town.erase(ada.handle)

    assert ada.person.get("/v1/accounts/me").status_code == 401
    assert town.bob.get(f"/v1/accounts/{ada.id}").status_code == 404
    assert len(posts) == 3
    for post in posts:
        if post["author_id"] == ada.id:
            assert town.bob.get(f"/v1/posts/{post['id']}").status_code == 404
    credentials = {"handle": ada.handle, "password": PASSWORD}
    assert town.api.send("POST", "/v1/sessions", json=credentials).status_code == 401
    # The handle is free, and who takes it is somebody else.
    assert town.api.person(ada.handle).id != ada.id
    assert town.server.command("admin", "grant", "bob").returncode == 0
    town.bob.sign_in()
    newest, *_ = (
        one
        for one in items_of(town.bob.get("/v1/admin/audit"))
        if one["action"] == "account.erased"
    )
    assert (newest["actor_id"], newest["target"]) == ("0", f"account/{ada.id}")


def test_an_export_has_every_event_of_a_person(town: Town, ada: Ada, tmp_path: Path) -> None:
    out = tmp_path / "ada.jsonl"
    tail = town.server.command("log", "tail", "-n", "1000000", "--json").stdout
    log = [json.loads(line) for line in tail.splitlines()]

    ended = town.server.command("export", ada.handle, "--out", str(out))
    exported = [json.loads(line) for line in out.read_text().splitlines()]

    assert ended.returncode == 0, ended.stderr
    own = [one["position"] for one in log if one["event"]["actor_id"] == int(ada.id)]
    assert [one["position"] for one in exported] == own
    assert f"{ada.word} was edited" in out.read_text()
    assert "of bob" not in out.read_text()
    town.erase(ada.handle)
    after = town.server.command("export", ada.id)
    lines = [json.loads(line) for line in after.stdout.splitlines()]
    assert [one["position"] for one in lines][: len(own)] == own
    assert [one["type"] for one in lines][-1] == "account.erased"
    assert not any("personal" in one["event"] for one in lines)


def test_nobody_cannot_be_erased_and_without_a_yes_nothing_is(town: Town) -> None:
    for arguments, given in ((("erase", "nobody", "--yes"), ""), (("erase", "bob"), "n\n")):
        ended = town.server.command(*arguments, given=given)

        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
    assert town.bob.get(f"/v1/accounts/{town.bob.id}").status_code == 200


def test_a_replay_finds_nothing_of_who_was_erased(town: Town, ada: Ada) -> None:
    told = town.erase(ada.id)
    before = town.answers(ada.word)

    ended = town.server.command("replay", "--all", "--json")

    assert ended.returncode == 0, ended.stderr
    assert town.answers(ada.word) == before
    assert ada.word not in json.dumps(before)
    assert town.files_with(ada.handle, ada.word) == set()
    again = town.erase(ada.id)
    assert again["removed"].keys() == told["removed"].keys()
    assert again | {"removed": {}} == told | {"removed": {}}


def test_no_file_has_a_word_of_who_was_erased(town: Town, ada: Ada) -> None:
    # Beside the generations that answer: those that did before, and one that is being built.
    done(town.server.command("replay", "search_index", "--no-swap", "--json"))
    before = town.files_with(ada.handle, ada.word)
    assert len([name for name in before if "/search_index." in name]) >= 3
    assert {name.partition(".")[0] for name in before} >= {
        "projections/account_directory",
        "projections/engagement",
        "projections/moderation",
        "projections/post_cards",
        "projections/search_index",
        "projections/trends",
    }
    assert "imports/posts.rejects.jsonl" in town.files_with(IMPORTED)

    told = town.erase(f"@{ada.handle}")
    imported = town.erase(IMPORTED)

    assert town.files_with(ada.handle, ada.word) == set()
    assert town.files_with(IMPORTED, IMPORTED_WORD) == set()
    assert set(told["left"].values()) == set(imported["left"].values()) == {0}
    assert told["readable"] == imported["readable"] == 0
    # Two profiles, four posts, of which one was edited, and a report.
    assert told["unreadable"] == 8
    assert imported["unreadable"] == 1 + POSTS // 30
    assert told["removed"]["idempotency_keys"] == 1
    assert told["removed"]["identity"] > 0
    assert imported["removed"]["rejected_lines"] == 1
    assert town.server.stop() == 0
    assert town.files_with(ada.handle, ada.word, IMPORTED, IMPORTED_WORD) == set()
