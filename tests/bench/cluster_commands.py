"""Commands on the engines: how many, and what each kind costs the serving process and the workers.

Time is everybody's, as all share the cores; processor time is each process's own.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from time import perf_counter
from typing import Final

import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.bench.asking import empty_posts, tweet, tweets
from tests.bench.cluster_town import AUTHORS, Town, drained
from tests.bench.figures import Figure, Figures
from tests.bench.load import Load, request
from tests.bench.plan import Plan
from tests.bench.process import Process, Server
from tests.bench.rounds import Round, compared, flat_out_in_turns, watched
from tests.bench.world import texts

RAW_RECORDS: Final = 20_000
POSTS: Final = 40
COMMANDS_PER_TURN_S: Final = 100


async def burst(
    figures: Figures,
    plan: Plan,
    server: Server,
    workers: Mapping[str, Process],
    load: Load,
    town: Town,
) -> float:
    """Tweets as fast as they are acknowledged, against empty POSTs; how many a second."""
    limit, post = empty_posts(town.authors), tweets(town.authors)
    before = {name: worker.cpu_s for name, worker in workers.items()}
    pairs = await flat_out_in_turns(
        server, load, limit, post, turn_s=plan.turn_s, rounds=plan.rounds
    )
    note = "all workers beside it"
    found = compared("Tweets acknowledged, on the engines", "empty POST", pairs, None, note)
    figures.add(found)
    await drained(load, town)
    count = sum(tweeted.taken.answers for _, tweeted in pairs)
    for name, worker in workers.items():
        began, ended = before[name], worker.cpu_s
        if began is not None and ended is not None:
            per_tweet = (ended - began) / count * 1e6
            figures.add(Figure(f"  the same, workers: {name}", per_tweet, "us CPU"))
    return found.value


async def kinds(figures: Figures, plan: Plan, server: Server, load: Load, town: Town) -> None:
    """What each kind of command costs the serving process, against an empty POST."""
    count = int(plan.turn_s * COMMANDS_PER_TURN_S)
    posts = [await _posted_by(load, token) for token in islice(cycle(town.authors), POSTS)]
    empty = await watched(server, lambda: load.flat_out(empty_posts(town.authors), plan.turn_s))
    for name, asked in (
        ("tweet", _tweets(town)),
        ("tweet with an Idempotency-Key", _tweets(town, keyed=True)),
        ("reply", _replies(town, posts)),
        ("like", _likes(town, posts)),
        ("follow", _follows(town)),
    ):
        requests = list(islice(asked, count))
        one = await watched(server, partial(load.each_once, requests))
        _tell(figures, name, one, empty)


def raw_produce(kafka: str, topic: str, partitions: int) -> float:
    """Records of a tweet's size a second, idempotent, acks=all, from one client."""
    servers = {"bootstrap.servers": kafka}
    value = b"\x93" + b"x" * 400
    admin = AdminClient({**servers})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result()
    producer = Producer({**servers, "enable.idempotence": True, "linger.ms": 1})
    began = perf_counter()
    for number in range(RAW_RECORDS):
        producer.produce(topic, value, str(number).encode(), headers=[("ce_type", b"bench.raw.v0")])
        producer.poll(0)
    producer.flush(60)
    return RAW_RECORDS / (perf_counter() - began)


async def against_kafka(
    figures: Figures, rate: float, kafka: str, environ: Mapping[str, str]
) -> None:
    """Tweets against what Kafka alone takes."""
    topic, partitions = f"{environ['STARLING_NAMESPACE']}.raw", int(environ["STARLING_PARTITIONS"])
    raw = await asyncio.to_thread(raw_produce, kafka, topic, partitions)
    figures.add(Figure("  the same, against Kafka alone", rate, "/s", "raw produce", rate / raw))


def _tell(figures: Figures, name: str, one: Round, empty: Round) -> None:
    if one.cpu_us is None or empty.cpu_us is None:
        return
    note = f"{one.taken.per_s:,.0f}/s, p99 {one.taken.quantile_ms(0.99):.0f} ms"
    ratio = one.cpu_us / empty.cpu_us
    name = f"Serving one {name}, on the engines"
    figures.add(Figure(name, one.cpu_us, "us CPU", "an empty POST", ratio, note=note))


async def _posted_by(load: Load, token: str) -> str:
    posted = await load.ask(tweet(token, "Reply to this, or like it"))
    return str(orjson.loads(posted.body)["id"])


def _tweets(town: Town, *, keyed: bool = False) -> Iterator[bytes]:
    for number, (token, text) in enumerate(zip(cycle(town.authors), texts(), strict=False)):
        more = f"Idempotency-Key: bench-{number}\r\n" if keyed else ""
        yield request("POST", "/v1/tweets", token, orjson.dumps({"text": text}), more)


def _replies(town: Town, posts: Sequence[str]) -> Iterator[bytes]:
    for token, post, text in zip(cycle(town.authors), cycle(posts), texts(), strict=False):
        yield request("POST", f"/v1/posts/{post}/replies", token, orjson.dumps({"text": text}))


def _likes(town: Town, posts: Sequence[str]) -> Iterator[bytes]:
    pairs = [(token, post) for token in town.readers for post in posts]
    random.Random(13).shuffle(pairs)
    for token, post in pairs:
        yield request("PUT", f"/v1/posts/{post}/like", token)


def _follows(town: Town) -> Iterator[bytes]:
    pairs = [(one, other) for other in range(AUTHORS) for one in range(other)]
    random.Random(17).shuffle(pairs)
    for one, other in pairs:
        path = f"/v1/accounts/{town.author_ids[other]}/follow"
        yield request("PUT", path, town.authors[one])
