"""People whose posts and reposts are remembered, so that afterwards none may be missing."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from tests.bench.load import Load, request
from tests.bench.world import texts

PASSWORD: Final = "correct horse battery"
AUTHORS, READERS, FOLLOWED = 48, 120, 20
POSTS_EACH: Final = 2
LIMIT: Final = 100
CHECKED: Final = 8


class Command(NamedTuple):
    """What an author asks for: a tweet, or a repost of a post."""

    request: bytes
    author: int
    reposts: int | None = None


class Person(NamedTuple):
    """Who is signed in."""

    account_id: int
    handle: str
    token: str


class Town:
    """Authors, and readers who follow FOLLOWED of them each; readers post nothing."""

    def __init__(self, people: Sequence[Person]) -> None:
        lot = random.Random(3)
        self.authors, self.readers = people[:AUTHORS], people[AUTHORS:]
        self.follows = [lot.sample(range(AUTHORS), FOLLOWED) for _ in self.readers]
        self._posted: defaultdict[int, set[int]] = defaultdict(set)
        self._reposted: defaultdict[int, set[int]] = defaultdict(set)
        self._newest: dict[int, int] = {}
        self._unknown: defaultdict[int, int] = defaultdict(int)
        self._said = texts()
        self.acknowledged = self.refused = 0

    def tweet(self, author: int, mentioned: int) -> Command:
        """A text of somebody's, which mentions another."""
        text = f"@{self.authors[mentioned].handle} {next(self._said)[:200]}"
        body = orjson.dumps({"text": text})
        return Command(request("POST", "/v1/tweets", self.authors[author].token, body), author)

    def repost(self, author: int, of: int) -> Command:
        """Of the newest tweet of another, if there is one."""
        post = self._newest.get(of)
        if post is None:
            return self.tweet(author, of)
        path = f"/v1/posts/{post}/repost"
        return Command(request("PUT", path, self.authors[author].token), author, post)

    def heard(self, command: Command, status: int, body: bytes) -> None:
        """What came of it."""
        if not 200 <= status < 300:
            self.refused += 1
            self._unknown[command.author] += 1
            return
        self.acknowledged += 1
        if command.reposts is not None:
            self._reposted[command.author].add(command.reposts)
            return
        post = int(orjson.loads(body)["id"])
        self._posted[command.author].add(post)
        self._newest[command.author] = post

    async def check(self, load: Load) -> int:
        """How many posts and reposts are where they must be, in their authors' timelines and in
        homes. Raises AssertionError for the first timeline that is another one."""
        shown: list[set[int]] = []
        right = 0
        for number, author in enumerate(self.authors):
            path = f"/v1/accounts/{author.account_id}/posts?limit={LIMIT}"
            # A page shows a post once, also where its author reposted it.
            items = {int(item["id"]) async for item in _scrolled(load, path, author.token)}
            known = self._posted[number] | self._reposted[number]
            assert items >= known, f"{len(known - items)} are lost"
            assert len(items - known) <= self._unknown[number]
            shown.append(items)
            right += len(known)
        for reader, whom in [*zip(self.readers, self.follows, strict=True)][:CHECKED]:
            path = f"/v1/timelines/home?limit={LIMIT}"
            home = {int(item["id"]) async for item in _scrolled(load, path, reader.token)}
            assert home == set().union(*(shown[author] for author in whom))
            right += len(home)
        return right


async def town_on(load: Load) -> Town:
    """Signs everybody up, lets them follow and post."""
    people = [await _signed_up(load, f"burst{number}") for number in range(AUTHORS + READERS)]
    town = Town(people)
    await load.each_once(
        [
            request("PUT", f"/v1/accounts/{town.authors[other].account_id}/follow", reader.token)
            for reader, whom in zip(town.readers, town.follows, strict=True)
            for other in whom
        ]
    )
    for author in [*range(AUTHORS)] * POSTS_EACH:
        command = town.tweet(author, author)
        answer = await load.ask(command.request)
        town.heard(command, answer.status, answer.body)
    return town


async def _signed_up(load: Load, handle: str) -> Person:
    body = orjson.dumps({"handle": handle, "password": PASSWORD})
    account = orjson.loads((await load.ask(request("POST", "/v1/accounts", body=body))).body)
    session = orjson.loads((await load.ask(request("POST", "/v1/sessions", body=body))).body)
    return Person(int(account["id"]), handle, session["access_token"])


async def _scrolled(load: Load, path: str, token: str) -> AsyncIterator[Mapping[str, Any]]:
    """To the very first one."""
    below = ""
    while True:
        answer = await load.ask(request("GET", f"{path}{below}", token))
        assert answer.status == 200, answer.body
        items = orjson.loads(answer.body)["items"]
        for item in items:
            yield item
        if not items:
            return
        below = f"&max_id={items[-1]['item_id']}"
