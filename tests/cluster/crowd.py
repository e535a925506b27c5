"""People of an installation who write while its processes come and go, and others who read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Final

import httpx

from tests.blackbox.client import Api, Person, expect
from tests.cluster.installation import Installation
from tests.crash.checks import check_reads
from tests.crash.clients import Author, Notebook, write_until_told

CLIENTS: Final = 8
READERS: Final = 2
LOOK_EVERY_S: Final = 0.2
PATIENCE_S: Final = 60.0
PROGRESS_S: Final = 90.0


@dataclass
class Crowd:
    """Every reader follows every author; each author is one client that writes."""

    installation: Installation
    authors: Sequence[Author]
    readers: Sequence[Person]
    notebook: Notebook = field(default_factory=Notebook)
    runs: "count[int]" = field(default_factory=count)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """All write for as long as the context lasts, and then until all is acknowledged."""
        over, run = asyncio.Event(), next(self.runs)
        urls = [one.url for one in self.installation.all_commands]
        async with asyncio.TaskGroup() as clients:
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
        url = self.installation.reads.url
        await check_reads(url, self.authors, self.readers, self.notebook, PATIENCE_S)


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
    return Crowd(installation, authors, readers)


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
        looking = asyncio.create_task(self._look_again_and_again())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

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
        assert answer.status_code == 200, answer.text
        for one in answer.json()["items"]:
            if one["stalled_by"] is not None:
                continue
            name, position = one["name"], one["position"]
            if position < self.seen.get(name, 0):
                self.regressions.append((name, self.seen[name], position))
            self.seen[name] = position
        self.looks += 1
