"""A person is erased: no store answers anything, and the log cannot be read, on either profile."""

import json
import threading
from typing import Final

import httpx
import pytest

from tests.blackbox.client import Api, Person, expect, ids, items_of, new_word
from tests.blackbox.server import Server

ASKED_MAX: Final = 60
POLL_S: Final = 0.5

# Each `command` is a program that connects to every engine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def patiently(who: Person, path: str) -> httpx.Response:
    """The answer, once workers that have just begun have come to where it is asked for."""
    pause = threading.Event()
    answer = who.get(path)
    for _ in range(ASKED_MAX):
        if answer.status_code != 503:
            break
        pause.wait(POLL_S)
        answer = who.get(path)
    return answer


def test_nothing_answers_for_who_was_erased(server: Server, api: Api) -> None:
    word = new_word()
    handle = f"zyx_{word[:8]}"
    ada, bob = api.person(handle, display_name=f"The {word}"), api.person()
    ada.relate("follow", bob)
    bob.relate("follow", ada)
    tweet, theirs = ada.tweet(f"hello {word} #{word}"), bob.tweet("of bob")
    ada.reply(theirs, f"{word} in a reply")
    for how in ("like", "repost", "bookmark"):
        ada.react(how, theirs)
        bob.react(how, tweet)
    seen = patiently(bob, "/v1/timelines/home")
    assert tweet["id"] in ids(items_of(seen))
    assert items_of(patiently(bob, f"/v1/search/posts?q={word}"))
    exported = server.command("export", handle)

    ended = server.command("erase", handle, "--yes", "--json")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(ended.stdout)
    assert set(told["left"].values()) == {0}
    assert (told["readable"], told["unreadable"]) == (0, 3)
    assert told["removed"]["identity"] > 0
    expect(bob.get(f"/v1/accounts/{ada.id}"), 404)
    assert ada.get("/v1/accounts/me").status_code == 401
    assert tweet["id"] not in ids(items_of(patiently(bob, "/v1/timelines/home")))
    assert items_of(patiently(bob, f"/v1/search/posts?q={word}")) == []
    again = json.loads(server.command("erase", ada.id, "--yes", "--json").stdout)
    after = server.command("export", ada.id)

    assert again["digest"] == told["digest"]
    assert len(exported.stdout.splitlines()) == 8
    assert word in exported.stdout
    # The closing, the release of the handle, and the erasure.
    assert len(after.stdout.splitlines()) == len(exported.stdout.splitlines()) + 3
    assert word not in after.stdout
