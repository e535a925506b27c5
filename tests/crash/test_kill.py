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
from typing import Final

import httpx
import pytest

from tests.blackbox.client import Api, Person
from tests.blackbox.server import Server
from tests.crash.checks import check_reads
from tests.crash.clients import Author, Connection, Notebook, send, write_until_gone

CLIENTS: Final = 64
AUTHORS: Final = 8
READERS: Final = 2
ANSWERS_BEFORE_KILL: Final = 400
# A second or two, on a machine that has nothing else to do.
READY_AGAIN_S: Final = 60.0
# Views have to catch up with what was acknowledged just before.
PATIENCE_S: Final = 60.0
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

    async def check_reads(self) -> None:
        """Readers see all of it, as soon as the views do."""
        await check_reads(
            self.server.url, self.authors, self.readers, self.notebook, patience_s=PATIENCE_S
        )


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
@pytest.mark.timeout(300)
async def test_sigterm_loses_nothing_and_ends_in_order(town: Town) -> None:
    status = await town.write_until(signal.SIGTERM, "term")

    assert status == 0
    check_log(town)
    town.server.start()
    await town.send_again()
    await town.check_reads()


@pytest.mark.slow
def test_a_second_server_on_the_same_folder_says_why_it_does_not_start(town: Town) -> None:
    second = town.server.command("serve")

    assert second.returncode != 0
    assert "in use" in second.stderr
    assert "Traceback" not in second.stderr
    assert httpx.get(f"{town.server.url}/readyz", timeout=30).status_code == 200


async def kill_again_and_again(town: Town, *, rounds: int) -> None:
    for number in range(rounds):
        status = await town.write_until(signal.SIGKILL, f"round{number}")

        assert status == -signal.SIGKILL
        check_log(town)
        began = monotonic()
        town.server.start()
        assert monotonic() - began < READY_AGAIN_S
        await town.send_again()
        await town.check_reads()
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
