"""`starling log` on the engines: what Kafka has, what only the archive has, and what comes."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, TypeVar

import pytest
from typer.testing import CliRunner, Result

from commands.ports import Append
from domain.events import Event, ImpressionsRecorded
from infra.cli import app
from infra.engines import engines_of
from infra.kafka.archive import KafkaArchive
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.cluster_log_reader import cluster_log_reader
from infra.profiles.names import Names
from infra.settings import Settings
from tests import facts
from tests.cluster.local import LocalCluster

T = TypeVar("T")
KEPT: Final = 2
TWEETS: Final = [facts.tweet("ada", f"number {n}") for n in range(12)]
LIKES: Final = [facts.liked("bob", tweet) for tweet in TWEETS[:3]]
SEEN: Final = ImpressionsRecorded(
    event_id=facts.event_id(), actor_id=facts.account("bob"), post_ids=(TWEETS[0].post_id,)
)
EVENTS: Final[tuple[Event, ...]] = (facts.opened("ada"), *TWEETS, *LIKES, SEEN)


@pytest.fixture(scope="module")
def settings(cluster: LocalCluster) -> Settings:
    return Settings(
        profile="cluster",
        cluster_port=str(cluster.base_port),
        namespace=f"log{os.getpid()}",
        partitions="2",
    )


async def with_log(settings: Settings, do: Callable[[ClusterLog], Coroutine[Any, Any, T]]) -> T:
    async with AsyncExitStack() as opened:
        clients = Clients(engines_of(settings), Names(settings.namespace), opened)
        return await do(await ClusterLog.open(clients, opened, settings))


async def record(log: ClusterLog, *events: Event) -> None:
    written = await log.event_log()
    for event in events:
        if event.APPENDED:
            await written.append([Append(event.stream, 0, (event,))])
        else:
            await written.publish([event])


async def record_all(events: Sequence[Event], log: ClusterLog) -> None:
    await record(log, *events)


async def archive_most(log: ClusterLog) -> None:
    """Kafka keeps the newest `KEPT` of each partition."""
    archive = KafkaArchive(log.servers, await log.archive(), prefix=log.prefix)
    await archive.copy()
    await archive.trim(keep=KEPT)
    await archive.close()


async def prepare(log: ClusterLog) -> None:
    await record(log, *EVENTS[:-1])
    await archive_most(log)
    await record(log, EVENTS[-1])


@pytest.fixture(scope="module")
def written(settings: Settings) -> Iterator[Settings]:
    async def remove(log: ClusterLog) -> None:
        await log.topics.drop()

    asyncio.run(with_log(settings, prepare))
    yield settings
    asyncio.run(with_log(settings, remove))


@pytest.fixture
def starling(written: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name in ("profile", "cluster_port", "namespace", "partitions"):
        monkeypatch.setenv(f"STARLING_{name.upper()}", getattr(written, name))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["log", *arguments])

    return run


def read(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_newest_events_come_in_the_order_in_which_they_happened(
    starling: Callable[..., Result],
) -> None:
    every = read(starling("tail", "-n", "1000", "--json"))
    newest = read(starling("tail", "-n", "3", "--json"))

    assert [one["event"]["event_id"] for one in every] == [event.event_id for event in EVENTS]
    assert newest == every[-3:]
    assert read(starling("tail", "-n", "0", "--json")) == []


def test_a_stream_a_register_or_the_event_at_a_place_is_shown(
    starling: Callable[..., Result],
) -> None:
    every = read(starling("tail", "-n", "1000", "--json"))

    for one in (every[0], every[1], every[-2]):
        place = f"{one['partition']}:{one['position']}"
        assert read(starling("show", place, "--json")) == [one]
        assert read(starling("show", one["stream"], "--json")) == [one]
        assert starling("show", place).stdout.startswith(f"{place} ")


@pytest.mark.parametrize(
    "what",
    [
        "post/1",
        "account/1",
        "new_tweet/0:999",
        "new_tweet/0:0",
        "new_tweet/99:1",
        "17",
        SEEN.stream,
    ],
)
def test_what_is_not_there_is_said(what: str, starling: Callable[..., Result]) -> None:
    result = starling("show", what)

    assert (result.exit_code, result.stdout) == (1, "")
    assert what in result.stderr


def test_everything_is_counted(starling: Callable[..., Result]) -> None:
    (stats,) = read(starling("stats", "--json"))

    assert {one["type"]: one["events"] for one in stats["types"]} == {
        "account.opened.v1": 1,
        "tweet.posted.v1": len(TWEETS),
        "like.added.v1": len(LIKES),
        "impression.recorded.v1": 1,
    }
    assert stats["events"] == stats["head"] == stats["streams"] == len(EVENTS)
    assert len(stats["partitions"]) == 10
    assert "10 partitions" in starling("stats").stdout


def test_what_comes_is_told_once(written: Settings) -> None:
    with cluster_log_reader(written) as reader:
        before = list(reader.newest(1))
        nothing = reader.coming()
    tweets = [facts.tweet(name) for name in facts.NAMES]
    with cluster_log_reader(written) as reader:
        list(reader.newest(1))
        asyncio.run(with_log(written, partial(record_all, tweets)))
        came = [*reader.coming(), *reader.coming()]

    assert (len(before), nothing) == (1, [])
    assert [one.event["event_id"] for one in came] == [tweet.event_id for tweet in tweets]


def test_looking_makes_nothing(
    written: Settings, starling: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARLING_NAMESPACE", "nobodyhere")

    result = starling("tail")
    again = starling("stats")

    assert (result.exit_code, again.exit_code) == (1, 1)
    assert "There is no log" in result.stderr
    assert "There is no log" in again.stderr
