"""kill -9 of the running server under 64 clients, again and again; SIGTERM; a second server."""

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx
import pytest

from tests.blackbox.client import Api, Person
from tests.blackbox.server import Server
from tests.crash.clients import (
    Answer,
    Author,
    Connection,
    Notebook,
    send,
    write_until_gone,
)

CLIENTS: Final = 64
AUTHORS: Final = 8
READERS: Final = 2
ANSWERS_BEFORE_KILL: Final = 400
READY_AGAIN_S: Final = 15.0
SENT_AGAIN_MAX: Final = 200
PUBLISHED_FROM: Final = 1 << 22  # a version is an event id there, a small number in a stream


@dataclass(frozen=True)
class Town:
    """A server, and people on it: every reader follows every author."""

    server: Server
    authors: Sequence[Author]
    readers: Sequence[Person]
    notebook: Notebook

    async def write_until(self, signalled: signal.Signals, name: str) -> int:
        """Let all clients write, and edit too; signal the server in the middle. Its exit status."""
        enough = asyncio.Event()
        answers = 0

        def noted() -> None:
            nonlocal answers
            answers += 1
            if answers >= ANSWERS_BEFORE_KILL and self.notebook.edited:
                enough.set()

        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                author = self.authors[number % AUTHORS]
                writing = write_until_gone(
                    self.server.url, author, f"{name}-{number}", self.notebook, noted
                )
                clients.create_task(writing)
            await enough.wait()
            return await asyncio.to_thread(self.server.stop, signalled)

    async def send_again(self) -> None:
        """Everything that was not answered, and a part of what was: each has one effect."""
        connection = Connection(self.server.url)
        for written in list(self.notebook.unanswered):
            answer = await send(connection, written)
            assert answer.status in {200, 201}, answer
            self.notebook.acknowledged[written] = answer
            self.notebook.unanswered.discard(written)
        for written in list(self.notebook.acknowledged)[-SENT_AGAIN_MAX:]:
            again = await send(connection, written)
            assert again.replayed
            assert again.body == self.notebook.acknowledged[written].body
        await connection.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    server = Server(tmp_path / "data")
    server.start()
    try:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            api = Api(http)
            people = [api.person(f"author_{number}") for number in range(AUTHORS)]
            readers = [api.person(f"reader_{number}") for number in range(READERS)]
            for reader in readers:
                for person in people:
                    reader.relate("follow", person)
                reader.home()  # from now on it is kept ready, so posts are pushed to it
            authors = [
                Author(p.id, p.session["access_token"], p.tweet("pinned")["id"]) for p in people
            ]
        yield Town(server, authors, readers, Notebook())
    finally:
        if server.running:
            server.stop(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_was_acknowledged_survives_kill_9(town: Town) -> None:
    await kill_again_and_again(town, rounds=3)


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_what_was_acknowledged_survives_kill_9_many_times(town: Town) -> None:
    await kill_again_and_again(town, rounds=20)


@pytest.mark.slow
async def test_sigterm_loses_nothing_and_ends_in_order(town: Town) -> None:
    status = await town.write_until(signal.SIGTERM, "term")

    assert status == 0
    check_log(town)
    town.server.start()
    await town.send_again()
    await check_reads(town)


@pytest.mark.slow
def test_a_second_server_on_the_same_folder_says_why_it_does_not_start(town: Town) -> None:
    second = town.server.command("serve")

    assert second.returncode != 0
    assert "in use" in second.stderr
    assert "Traceback" not in second.stderr
    assert httpx.get(f"{town.server.url}/readyz").status_code == 200


async def kill_again_and_again(town: Town, *, rounds: int) -> None:
    for number in range(rounds):
        status = await town.write_until(signal.SIGKILL, f"round{number}")

        assert status == -signal.SIGKILL
        check_log(town)
        began = monotonic()
        town.server.start()
        assert monotonic() - began < READY_AGAIN_S
        await town.send_again()
        await check_reads(town)
    town.server.stop()
    check_log(town)


def check_log(town: Town) -> None:
    """Every acknowledged tweet is in the log of the stopped server, none is there twice, and
    the versions of what was appended are contiguous."""
    with closing(sqlite3.connect(town.server.folder / "log.db")) as log:
        rows = log.execute("SELECT originator_id, originator_version FROM stored_events").fetchall()
    places = Counter(rows)
    assert max(places.values()) == 1
    posted = {name.removeprefix("post/") for name, _ in places if name.startswith("post/")}
    assert town.notebook.ids <= posted
    streams: dict[str, list[int]] = {}
    for name, version in rows:
        if version < PUBLISHED_FROM:
            streams.setdefault(name, []).append(version)
    assert any(name.startswith("edits/") for name in streams)
    for versions in streams.values():
        assert sorted(versions) == list(range(1, len(versions) + 1))


async def check_reads(town: Town) -> None:
    """Every tweet stands once in its author's timeline and in every follower's home, and nothing
    else does; every edit that was acknowledged is a version of its own."""
    connection = Connection(town.server.url)
    written: dict[Author, set[str]] = {author: {author.pinned} for author in town.authors}
    for one, answer in town.notebook.acknowledged.items():
        if not one.edits:
            written[one.author].add(answer.json["id"])
    for author, ids in written.items():
        posts = await whole(connection, f"/v1/accounts/{author.id}/posts", None, town.notebook)
        assert Counter(post["id"] for post in posts) == Counter(ids)
        assert max(Counter(post["text"] for post in posts).values()) == 1
        await check_edits(connection, author, town.notebook)
    everything = Counter(post_id for ids in written.values() for post_id in ids)
    for reader in town.readers:
        token = reader.session["access_token"]
        home = await whole(connection, "/v1/timelines/home", token, town.notebook)
        assert Counter(post["id"] for post in home) == everything
    await connection.close()


async def check_edits(connection: Connection, author: Author, notebook: Notebook) -> None:
    answers = {
        one: answer
        for one, answer in notebook.acknowledged.items()
        if one.edits and one.author == author
    }
    history: dict[int, str] = {}
    path: str | None = f"/v1/posts/{author.pinned}/history?limit=100"
    while path is not None:
        page = await read(connection, path, None, notebook)
        history |= {version["version"]: version["text"] for version in page.json["items"]}
        path = next_of(page)
    told = {answer.json["version"]: one.words for one, answer in answers.items()}
    assert len(told) == len(answers)
    assert {version: history[version] for version in told} == told
    assert sorted(history) == list(range(1, len(history) + 1))


async def whole(
    connection: Connection, path: str, token: str | None, notebook: Notebook
) -> list[dict[str, Any]]:
    """All pages of a timeline."""
    items: list[dict[str, Any]] = []
    following: str | None = f"{path}?limit=100"
    while following is not None:
        page = await read(connection, following, token, notebook)
        items += page.json["items"]
        following = next_of(page)
    return items


async def read(connection: Connection, path: str, token: str | None, notebook: Notebook) -> Answer:
    """A page that has everything which was acknowledged last."""
    newest = list(notebook.acknowledged.values())[-1]
    headers = {"Consistency-Token": newest.header("consistency-token"), "Prefer": "wait=10"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    page = await connection.ask("GET", path, headers)
    assert page.status == 200, page
    return page


def next_of(page: Answer) -> str | None:
    """Where the list goes on."""
    for link in page.header("link").split(","):
        target, _, relation = link.strip().partition(">; ")
        if relation == 'rel="next"':
            return target.removeprefix("<")
    return None
