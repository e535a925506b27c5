"""The people of the bench on the engines, and how long until the projections have what they did."""

import asyncio
import random
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from tests.bench.asking import homes, tweet
from tests.bench.load import Load, request
from tests.bench.world import texts

PASSWORD: Final = "correct horse battery"
AUTHORS, READERS, FOLLOWED = 64, 300, 20
# An author has some 94 followers, a star all fans.
STARS, FANS, THRESHOLD = FOLLOWED, 200, 150
POSTS_EACH: Final = 25
DRAINED_S: Final = 120.0


class Town(NamedTuple):
    """Access tokens of people who post, whose accounts they are, of people who follow FOLLOWED of
    them each, and of `fans`, who follow FOLLOWED others: all those who are pulled, as they have
    more than THRESHOLD followers."""

    authors: Sequence[str]
    author_ids: Sequence[str]
    readers: Sequence[str]
    follows: Sequence[Sequence[int]]
    fans: Sequence[str]


class _People(NamedTuple):
    tokens: Sequence[str]
    ids: Sequence[str]


async def settled(load: Load) -> Town:
    """Everybody signs up, follows and posts."""
    authors = await _signed_up(load, "bench", AUTHORS)
    readers = await _signed_up(load, "reader", READERS)
    stars = await _signed_up(load, "star", STARS)
    fans = await _signed_up(load, "fan", FANS)
    lot = random.Random(3)
    follows = [lot.sample(range(AUTHORS), FOLLOWED) for _ in readers.tokens]
    await _follow(load, readers, authors, follows)
    await _follow(load, fans, stars, [range(STARS)] * FANS)
    # Their own follows are waited for: what the stars post then is pulled.
    await load.each_once(homes(fans.tokens))
    # In no order: a page shows some 13 people.
    posting = [*authors.tokens, *stars.tokens] * POSTS_EACH
    lot.shuffle(posting)
    said = texts()
    await load.each_once([tweet(token, next(said)) for token in posting])
    return Town(authors.tokens, authors.ids, readers.tokens, follows, fans.tokens)


async def _signed_up(load: Load, called: str, count: int) -> _People:
    handles = [f"{called}{number}" for number in range(count)]
    ids = [
        orjson.loads((await load.ask(_posted("/v1/accounts", handle))).body)["id"]
        for handle in handles
    ]
    tokens = [
        orjson.loads((await load.ask(_posted("/v1/sessions", handle))).body)["access_token"]
        for handle in handles
    ]
    return _People(tokens, ids)


async def _follow(
    load: Load, readers: _People, authors: _People, follows: Sequence[Sequence[int]]
) -> None:
    await load.each_once(
        [
            request("PUT", f"/v1/accounts/{authors.ids[author]}/follow", token)
            for token, whom in zip(readers.tokens, follows, strict=True)
            for author in whom
        ]
    )


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
