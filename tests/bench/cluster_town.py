"""The people of the bench on the engines, and how long until the projections have what they did."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from tests.bench.asking import tweet
from tests.bench.load import Load, request
from tests.bench.world import texts

PASSWORD: Final = "correct horse battery"
AUTHORS, READERS, FOLLOWED = 64, 300, 20
POSTS_EACH: Final = 25
DRAINED_S: Final = 120.0


class Town(NamedTuple):
    """Access tokens of people who post, whose accounts they are, and of people who follow FOLLOWED
    of them each."""

    authors: Sequence[str]
    author_ids: Sequence[str]
    readers: Sequence[str]
    follows: Sequence[Sequence[int]]


async def settled(load: Load) -> Town:
    """Everybody signs up, follows and posts."""
    people = [f"bench{number}" for number in range(AUTHORS + READERS)]
    accounts = [
        orjson.loads((await load.ask(_posted("/v1/accounts", handle))).body)["id"]
        for handle in people
    ]
    tokens = [
        orjson.loads((await load.ask(_posted("/v1/sessions", handle))).body)["access_token"]
        for handle in people
    ]
    authors, readers = tokens[:AUTHORS], tokens[AUTHORS:]
    lot = random.Random(3)
    follows = [lot.sample(range(AUTHORS), FOLLOWED) for _ in readers]
    await load.each_once(
        [
            request("PUT", f"/v1/accounts/{accounts[author]}/follow", token)
            for token, whom in zip(readers, follows, strict=True)
            for author in whom
        ]
    )
    said = texts()
    await load.each_once([tweet(token, next(said)) for token in authors for _ in range(POSTS_EACH)])
    return Town(authors, accounts[:AUTHORS], readers, follows)


async def drained(load: Load, town: Town) -> None:
    """Wait until every projection has what the log has."""
    async with asyncio.timeout(DRAINED_S):
        while True:
            ready = orjson.loads((await load.ask(request("GET", "/readyz"))).body)
            posted = await load.ask(tweet(town.authors[0], "drained?"))
            token = posted.header("consistency-token") or ""
            more = f"Consistency-Token: {token}\r\nPrefer: wait=5\r\n"
            answer = await load.ask(
                request("GET", "/v1/timelines/home", town.authors[0], b"", more)
            )
            if ready["state"] == "up" and answer.status == 200:
                return


def _posted(path: str, handle: str) -> bytes:
    return request("POST", path, body=orjson.dumps({"handle": handle, "password": PASSWORD}))
