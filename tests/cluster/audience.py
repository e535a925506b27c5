"""A hub and its audience out of the Higgs data, imported, and the plain model of who reads what.

An edge of the data says that somebody retweeted, mentioned or answered somebody: it stands in for
a follow, because no follow graph that can be had has a hub of this size.
"""

import asyncio
import gzip
import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple

import httpx

from infra.control.client import ask as ask_server
from infra.control.requests import SetPasswordOf
from infra.importing.handles import candidates
from tests.bench.bench_text import SHARED
from tests.blackbox.client import PASSWORD, Person
from tests.blackbox.server import PROGRAM
from tests.cluster.crowd import access_token
from tests.cluster.installation import Installation
from tests.model import driven

HIGGS: Final = SHARED / "data" / "graph" / "higgs_engagement.tsv.gz"
NAMESPACE: Final = "higgs"
BEGIN: Final = datetime(2012, 7, 1, tzinfo=UTC)
IMPORT_S: Final = 3_600.0
AT_ONCE: Final = 16
PAGE: Final = 100
LOOK_EVERY_S: Final = 0.2
ANSWER_S: Final = 120.0

Edge = tuple[str, str]


class Post(NamedTuple):
    """By whom and what; later ones have the greater number."""

    number: int
    author: str

    @property
    def text(self) -> str:
        return f"post {self.number} of {self.author}"


class Audience:
    """Who follows whom: everybody in it follows the hub, and some of them others too."""

    def __init__(self, edges: Iterable[Edge], *, followers_max: int, others_max: int) -> None:
        everything = list(edges)
        hub, _ = Counter(followee for _, followee in everything).most_common(1)[0]
        fans = [follower for follower, followee in everything if followee == hub][:followers_max]
        among = set(fans)
        followed = (b for a, b in everything if a in among and b != hub)
        others = list(islice(dict.fromkeys(followed), others_max))
        wanted = {hub, *others}
        self.hub = hub
        self.fans = fans
        self.others = others
        self.edges = [edge for edge in everything if edge[0] in among and edge[1] in wanted]
        self.posts: list[Post] = []
        self._following: dict[str, set[str]] = defaultdict(set)
        for follower, followee in self.edges:
            self._following[follower].add(followee)

    @property
    def people(self) -> Collection[str]:
        return dict.fromkeys(one for edge in self.edges for one in edge)

    @property
    def followers(self) -> Counter[str]:
        return Counter(followee for _, followee in self.edges)

    def post(self, authors: Iterable[str]) -> Sequence[Post]:
        """One post of each, later than all before."""
        first = len(self.posts)
        made = [Post(number, author) for number, author in enumerate(authors, start=first)]
        self.posts += made
        return made

    def home(self, reader: str) -> list[str]:
        """The texts, newest first, whole."""
        seen = {reader, *self._following[reader]}
        return [post.text for post in reversed(self.posts) if post.author in seen]

    def counts(self) -> dict[str, dict[str, int]]:
        """Of everybody."""
        followers, tweets = self.followers, Counter(post.author for post in self.posts)
        return {
            one: {
                "tweets": tweets[one],
                "followers": followers[one],
                "following": len(self._following[one]),
            }
            for one in self.people
        }


def higgs_audience(*, followers_max: int, others_max: int) -> Audience:
    with gzip.open(HIGGS, "rt") as lines:
        pairs = (line.split() for line in lines)
        edges = [(a, b) for a, b in pairs]
    return Audience(edges, followers_max=followers_max, others_max=others_max)


class Imported:
    """An audience in an installation."""

    def __init__(self, audience: Audience, installation: Installation, folder: Path) -> None:
        self.audience = audience
        self._installation = installation
        self._folder = folder
        self._url = installation.reads.url
        self.summaries: list[dict[str, Any]] = []

    def load(self, posts: Sequence[Post], follows: Sequence[Edge] = ()) -> dict[str, Any]:
        """Import these; the program's summary."""
        ended = self.try_to_load(posts, follows)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        summary: dict[str, Any] = json.loads(ended.stdout)
        assert summary["rejected"] == 0, summary
        self.summaries.append(summary)
        return summary

    def try_to_load(
        self, posts: Sequence[Post], follows: Sequence[Edge] = ()
    ) -> "subprocess.CompletedProcess[str]":
        """The program, when it has ended."""
        lines = [
            {
                "id": str(post.number),
                "user": post.author,
                "text": post.text,
                "created_at": (BEGIN + timedelta(seconds=post.number)).isoformat(),
            }
            for post in posts
        ]
        posts_file, follows_file = self._folder / "posts.jsonl", self._folder / "follows.tsv"
        posts_file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        follows_file.write_text("".join(f"{a}\t{b}\n" for a, b in follows))
        files = ["--posts", str(posts_file), *(["--follows", str(follows_file)] if follows else ())]
        return subprocess.run(
            [PROGRAM, "import", "--namespace", NAMESPACE, "--json", *files],
            env=self._installation.commands.environ,
            capture_output=True,
            text=True,
            timeout=IMPORT_S,
            check=False,
        )

    def give_passwords(self, people: Sequence[str]) -> None:
        """Nobody who was imported has one yet."""
        folder = self._installation.commands.folder

        def give(one: str) -> None:
            ask_server(folder, SetPasswordOf(handle_of(one), PASSWORD), lambda _progress: None)

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(give, people))

    async def caught_up(self, moderator: Person, patience_s: float) -> None:
        """Return once every projection has applied everything."""
        until = monotonic() + patience_s
        async with httpx.AsyncClient(base_url=self._url, timeout=ANSWER_S) as http:
            while True:
                found = await http.get("/v1/admin/projections", headers=moderator.credentials)
                if found.status_code == 401:
                    renewed = await access_token(
                        self._installation, moderator.handle, driven.PASSWORD
                    )
                    moderator.session["access_token"] = renewed
                    continue
                if found.status_code == 503:
                    assert monotonic() < until, found.text
                    await asyncio.sleep(LOOK_EVERY_S)
                    continue
                assert found.status_code == 200, found.text
                behind = [one for one in found.json()["items"] if one["lag_events"]]
                if not behind:
                    return
                assert monotonic() < until, behind
                await asyncio.sleep(LOOK_EVERY_S)

    async def homes(self, readers: Sequence[str]) -> dict[str, list[str]]:
        """The texts of everybody's home, newest first, whole. They sign in for it: a session
        ends sooner than a test with many readers."""
        sessions = f"{self._installation.commands.url}/v1/sessions"

        async def home(http: httpx.AsyncClient, reader: str) -> list[str]:
            body = {"handle": handle_of(reader), "password": PASSWORD}
            while (session := await http.post(sessions, json=body)).status_code == 503:
                await asyncio.sleep(LOOK_EVERY_S)
            assert session.status_code == 200, session.text
            texts: list[str] = []
            headers = {"Authorization": f"Bearer {session.json()['access_token']}"}
            path: str | None = f"/v1/timelines/home?limit={PAGE}"
            while path is not None:
                page = await read(http, path, headers)
                assert page.status_code == 200, page.text
                texts += [item["text"] for item in page.json()["items"]]
                path = page.links.get("next", {}).get("url")
            return texts

        return await self._of_each(readers, home)

    async def counts(self) -> dict[str, dict[str, int]]:
        """Of everybody."""

        async def counts(http: httpx.AsyncClient, one: str) -> dict[str, int]:
            answer = await read(http, f"/v1/accounts/by-handle/{handle_of(one)}")
            assert answer.status_code == 200, answer.text
            found: dict[str, int] = answer.json()["counts"]
            return found

        return await self._of_each(self.audience.people, counts)

    async def nobody_twice(self) -> None:
        """Who was imported twice would have another handle the second time."""

        async def status(http: httpx.AsyncClient, one: str) -> int:
            first, second = islice(candidates(NAMESPACE, one), 2)
            assert first == handle_of(one)
            return (await read(http, f"/v1/accounts/by-handle/{second}")).status_code

        found = await self._of_each(self.audience.people, status)
        assert set(found.values()) == {404}

    async def _of_each(self, people: Collection[str], ask: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        waiting = iter(people)
        async with httpx.AsyncClient(base_url=self._url, timeout=ANSWER_S) as http:

            async def ask_on() -> None:
                for one in waiting:
                    found[one] = await ask(http, one)

            await asyncio.gather(*(ask_on() for _ in range(AT_ONCE)))
        return found


async def agrees(imported: Imported, moderator: Person, *, readers: int, patience_s: float) -> None:
    """Homes that are read before the second half of the posts comes, and after it; all counts."""
    audience = imported.audience
    authors = [audience.hub, *audience.others]
    imported.load(audience.post(authors[::2]), audience.edges)
    await imported.caught_up(moderator, patience_s)
    step = max(len(audience.fans) // readers, 1)
    asked = audience.fans[::step][:readers]
    await asyncio.to_thread(imported.give_passwords, asked)
    for more in ((), [audience.hub, *authors[1::2], audience.hub]):
        if more:
            imported.load(audience.post(more))
            await imported.caught_up(moderator, patience_s)
        homes = await imported.homes(asked)
        assert homes == {one: audience.home(one) for one in asked}
    assert await imported.counts() == audience.counts()


async def read(
    http: httpx.AsyncClient, path: str, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """What is answered, asked again for as long as a busy machine says that it cannot tell now."""
    until = monotonic() + ANSWER_S
    while True:
        answer = await http.get(path, headers=headers)
        if answer.status_code != 503 or monotonic() > until:
            return answer
        await asyncio.sleep(LOOK_EVERY_S)


def handle_of(person: str) -> str:
    """What the import calls somebody whose id is a number."""
    return f"u{person}"
