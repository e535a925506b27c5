"""People of an installation who write while its processes come and go, and others who read."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any, Final

import httpx

from tests.blackbox.client import PASSWORD, Api, Person, expect
from tests.cluster.installation import Installation
from tests.crash.checks import check_reads
from tests.crash.clients import Author, Notebook, write_until_told
from tests.model import driven

CLIENTS: Final = 8
READERS: Final = 2
LOOK_EVERY_S: Final = 0.2
# Deadlines for what always comes: machines are slow, and busy with other things.
PATIENCE_S: Final = 300.0
PROGRESS_S: Final = 600.0
# Sooner than an access token ends.
RENEW_EVERY_S: Final = 300.0


@dataclass
class Crowd:
    """Every reader follows every author; each author is one client that writes."""

    installation: Installation
    authors: Sequence[Author]
    handles: Sequence[str]
    readers: Sequence[Person]
    notebook: Notebook = field(default_factory=Notebook)
    runs: "count[int]" = field(default_factory=count)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """All write for as long as the context lasts, and then until all is acknowledged."""
        over, run = asyncio.Event(), next(self.runs)
        urls = [one.url for one in self.installation.all_commands]
        async with _beside(self._renew()), asyncio.TaskGroup() as clients:
            for number, author in enumerate(self.authors):
                turned = urls[number % len(urls) :] + urls[: number % len(urls)]
                name = f"run{run}-{number}"
                doing = write_until_told(turned, author, name, self.notebook, over)
                clients.create_task(doing)
            try:
                yield
            finally:
                over.set()

    async def acknowledged(self, more: int) -> None:
        """Return once so many more are."""
        wanted, until = len(self.notebook.acknowledged) + more, monotonic() + PROGRESS_S
        while len(self.notebook.acknowledged) < wanted:
            assert monotonic() < until, len(self.notebook.acknowledged)
            await asyncio.sleep(LOOK_EVERY_S / 4)

    async def check(self) -> None:
        """Nothing is lost and nothing is there twice."""
        for reader in self.readers:
            token = await access_token(self.installation, reader.handle, PASSWORD)
            reader.session["access_token"] = token
        url = self.installation.reads.url
        await check_reads(url, self.authors, self.readers, self.notebook, PATIENCE_S)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            for author, handle in zip(self.authors, self.handles, strict=True):
                author.token = await access_token(self.installation, handle, PASSWORD)


async def access_token(installation: Installation, handle: str, password: str) -> str:
    """A new one, from whichever process gives it."""
    body = {"handle": handle, "password": password}
    async with httpx.AsyncClient(timeout=30) as http:
        while True:
            for one in installation.all_commands:
                with suppress(httpx.TransportError):
                    answer = await http.post(f"{one.url}/v1/sessions", json=body)
                    if answer.is_success:
                        return str(answer.json()["access_token"])
                    assert answer.status_code == 503, answer.text
            await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _beside(doing: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let it be done for as long as the context lasts. Raises what ended it before."""
    task = asyncio.create_task(doing)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def crowd_of(installation: Installation) -> Crowd:
    """A crowd of its own."""
    with installation.http() as http:
        api = Api(http)
        people = [api.person() for _ in range(CLIENTS)]
        readers = [api.person() for _ in range(READERS)]
        for reader in readers:
            for person in people:
                reader.relate("follow", person)
            _make_ready(reader)
        authors = [Author(p.id, p.session["access_token"], p.tweet("pinned")["id"]) for p in people]
    return Crowd(installation, authors, [person.handle for person in people], readers)


def _make_ready(reader: Person) -> None:
    """From now on posts are pushed to the home."""
    until = monotonic() + PATIENCE_S
    while (answer := reader.get("/v1/timelines/home")).status_code == 503:
        assert monotonic() < until, answer.text
    expect(answer, 200)


@dataclass
class Watch:
    """How far the projections are, looked at again and again."""

    installation: Installation
    admin: Person
    seen: dict[str, int] = field(default_factory=dict)
    regressions: list[tuple[str, int, int]] = field(default_factory=list)
    looks: int = 0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look for as long as the context lasts."""
        async with _beside(self._look_again_and_again()):
            yield

    async def moved(self) -> None:
        """Return once more is applied than is known now. Somebody must be writing."""
        known, until = sum(self.seen.values()), monotonic() + PROGRESS_S
        while sum(self.seen.values()) <= known:
            assert monotonic() < until, self.seen
            await asyncio.sleep(LOOK_EVERY_S)

    def check(self) -> None:
        """No checkpoint went back."""
        assert self.regressions == []
        assert self.looks > 0

    async def _look_again_and_again(self) -> None:
        async with httpx.AsyncClient(base_url=self.installation.reads.url, timeout=30) as http:
            while True:
                with suppress(httpx.TransportError):
                    await self._look(http)
                await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/v1/admin/projections", headers=self.admin.credentials)
        if answer.status_code == 503:
            return
        if answer.status_code == 401:
            token = await access_token(self.installation, self.admin.handle, driven.PASSWORD)
            self.admin.session["access_token"] = token
            return
        assert answer.status_code == 200, answer.text
        for one in answer.json()["items"]:
            if one["stalled_by"] is not None:
                continue
            name, position = one["name"], one["position"]
            if position < self.seen.get(name, 0):
                self.regressions.append((name, self.seen[name], position))
            self.seen[name] = position
        self.looks += 1
