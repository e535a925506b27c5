"""What readers must see of what was acknowledged: all of it, once, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final

from tests.blackbox.client import Person
from tests.crash.clients import Answer, Author, Connection, Notebook

RETRY_S: Final = 0.2


class Readings:
    """Reads with the tokens of everything that was acknowledged; for `patience_s` it takes no for
    an answer that comes of views that are behind."""

    def __init__(self, url: str, notebook: Notebook, patience_s: float = 0) -> None:
        self._connection = Connection(url)
        self._token = notebook.token
        self._until = monotonic() + patience_s

    async def whole(self, path: str, token: str | None = None) -> list[dict[str, Any]]:
        """All pages of a list."""
        items: list[dict[str, Any]] = []
        following: str | None = f"{path}?limit=100"
        while following is not None:
            page = await self._read(following, token)
            items += page.json["items"]
            following = _next_of(page)
        return items

    async def close(self) -> None:
        await self._connection.close()

    async def _read(self, path: str, token: str | None) -> Answer:
        headers = {"Consistency-Token": self._token, "Prefer": "wait=10"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        page = await self._connection.ask("GET", path, headers)
        while page.status == 503 and monotonic() < self._until:
            await asyncio.sleep(RETRY_S)
            page = await self._connection.ask("GET", path, headers)
        assert page.status == 200, page
        return page


async def check_reads(
    url: str,
    authors: Sequence[Author],
    readers: Sequence[Person],
    notebook: Notebook,
    patience_s: float = 0,
) -> None:
    """Every tweet stands once in its author's timeline and in every follower's home, and nothing
    else does; every edit that was acknowledged is a version of its own."""
    reading = Readings(url, notebook, patience_s)
    written: dict[Author, set[str]] = {author: {author.pinned} for author in authors}
    for one, answer in notebook.acknowledged.items():
        if not one.edits:
            written[one.author].add(answer.json["id"])
    for author, ids in written.items():
        posts = await reading.whole(f"/v1/accounts/{author.id}/posts")
        assert Counter(post["id"] for post in posts) == Counter(ids)
        assert max(Counter(post["text"] for post in posts).values()) == 1
        await _check_edits(reading, author, notebook)
    everything = Counter(post_id for ids in written.values() for post_id in ids)
    for reader in readers:
        home = await reading.whole("/v1/timelines/home", reader.session["access_token"])
        assert Counter(post["id"] for post in home) == everything
    await reading.close()


async def _check_edits(reading: Readings, author: Author, notebook: Notebook) -> None:
    answers = {
        one: answer
        for one, answer in notebook.acknowledged.items()
        if one.edits and one.author == author
    }
    versions = await reading.whole(f"/v1/posts/{author.pinned}/history")
    history = {version["version"]: version["text"] for version in versions}
    told = {answer.json["version"]: one.words for one, answer in answers.items()}
    assert len(told) == len(answers)
    assert {version: history[version] for version in told} == told
    assert sorted(history) == list(range(1, len(history) + 1))


def _next_of(page: Answer) -> str | None:
    """Where the list goes on."""
    for link in page.header("link").split(","):
        target, _, relation = link.strip().partition(">; ")
        if relation == 'rel="next"':
            return target.removeprefix("<")
    return None
