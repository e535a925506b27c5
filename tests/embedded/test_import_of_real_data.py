"""Real posts and follows come in whole, and spot checks against the files hold.

The data sets live beside the checkout (STARLING_SHARED says where else): without them there is
nothing to run on a laptop, but a build server must have them.
"""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import orjson
import pytest

from domain import posts
from domain.errors import Invalid
from domain.events import PostPosted, Recorded
from domain.ids import AccountId, millis_of
from infra.control.operator import Operator
from infra.importing.file_ids import FileIds
from infra.importing.files import read_follows, read_posts
from infra.importing.imports import Files
from infra.importing.tally import Summary
from infra.profiles.embedded import Embedded
from infra.settings import Settings
from infra.sqlite.conversations import SqliteConversations
from infra.sqlite.follower_graph import SqliteFollowerGraph
from projections import conversations, follower_graph
from tests.bench.bench_text import SHARED
from tests.conftest import IN_CI
from tests.write_side import WriteSide

POSTS: Final = SHARED / "data" / "posts"
HIGGS: Final = SHARED / "data" / "graph" / "higgs_follow_prefix.tsv.gz"
WEIBO: Final = POSTS / "weibo_ced_posts.jsonl.gz"
EVERY_THREAD: Final = 40
WEIBO_POSTS_MIN: Final = 2_000
LOOKED_AT: Final = 50
FOLLOWS_OF_BEGINNING: Final = 20_000
BATCH: Final = 5_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not HIGGS.exists() and not IN_CI, reason="the data sets are not beside the checkout"
    ),
]
Line = dict[str, Any]


@pytest.fixture
def side(tmp_path: Path) -> Iterator[WriteSide]:
    with WriteSide(tmp_path / "data") as side:
        yield side


def lines_of(path: Path) -> list[Line]:
    with gzip.open(path) as file:
        return [orjson.loads(line) for line in file]


def can_be_posted(line: Line) -> bool:
    try:
        posts.parse(line["text"])
    except Invalid:
        return False
    return True


async def import_twice(side: WriteSide, files: Files) -> Summary:
    """What the first import did; the second one finds it all there."""
    first = await side.imports.run(files, lambda _progress: None)
    print(f"\n{first.events} events, {first.events_per_s:.0f}/s, {first}")  # noqa: T201 - a report
    second = await side.imports.run(files, lambda _progress: None)

    assert first.events == side.log.head
    assert (second.events, second.rejected) == (0, first.rejected)
    assert second.known == first.posts + first.follows + first.known
    return first


async def log_of(side: WriteSide) -> AsyncIterator[Sequence[Recorded]]:
    position = 0
    while batch := await side.feed.read(0, position, BATCH):
        yield cast("Sequence[Recorded]", batch)
        position = batch[-1].position


async def posts_by_origin(side: WriteSide) -> Mapping[str, PostPosted]:
    found: dict[str, PostPosted] = {}
    async for batch in log_of(side):
        for event in (one.event for one in batch if isinstance(one.event, PostPosted)):
            found[(event.source or ":").partition(":")[2]] = event
    return found


def people_of(side: WriteSide, namespace: str, file_ids: Iterable[str]) -> Mapping[str, AccountId]:
    """Our accounts by the file's ids."""
    ids = FileIds(namespace, side.index, side.keyring)
    found = {file_id: ids.person(f"account/{file_id}") for file_id in file_ids}
    return {file_id: account for file_id, account in found.items() if account is not None}


def some(items: Sequence[Line]) -> Sequence[Line]:
    return items[:: max(len(items) // LOOKED_AT, 1)]


def assert_agrees(event: PostPosted, line: Line) -> None:
    assert event.personal is not None
    assert event.personal.text == line["text"]
    if line.get("created_at"):
        moment = datetime.fromisoformat(line["created_at"])
        assert 0 <= millis_of(event.event_id) - moment.timestamp() * 1000 < 10


async def test_the_beginning_of_the_follow_graph(side: WriteSide, tmp_path: Path) -> None:
    beginning = tmp_path / "beginning.tsv"
    with gzip.open(HIGGS, "rt") as whole, beginning.open("w") as part:
        part.writelines(islice(whole, FOLLOWS_OF_BEGINNING))

    summary = await graph_agrees_with(beginning, side, tmp_path)

    assert summary.follows == FOLLOWS_OF_BEGINNING


@pytest.mark.torture
async def test_the_whole_follow_graph(side: WriteSide, tmp_path: Path) -> None:
    summary = await graph_agrees_with(HIGGS, side, tmp_path)

    assert (summary.follows, summary.accounts) == (355_061, 76_851)


async def graph_agrees_with(file: Path, side: WriteSide, tmp_path: Path) -> Summary:
    """Import a file of follows; the counts of its celebrities and of others are the file's."""
    edges = [(line.follower, line.followee) for line in read_follows(file) if len(line) == 4]

    summary = await import_twice(side, Files(follows=(str(file),), namespace="higgs"))

    store = SqliteFollowerGraph(tmp_path / "graph.db")
    async for batch in log_of(side):
        wanted = [one for one in batch if type(one.event) in follower_graph.FOLLOWER_GRAPH.events]
        await store.apply(follower_graph.project(wanted), {0: batch[-1].position})
    followers, following = Counter(b for _, b in edges), Counter(a for a, _ in edges)
    celebrities = [one for one, _ in followers.most_common(LOOKED_AT // 2)]
    others = list(followers)[:: len(followers) // (LOOKED_AT // 2)]
    people = people_of(side, "higgs", celebrities + others)
    counts = await store.counts([people[one] for one in celebrities + others])
    store.close()
    assert summary.follows == len(edges)
    for one in celebrities + others:
        assert counts[people[one]] == (followers[one], following[one])
    return summary


async def test_whole_threads_keep_their_shape(side: WriteSide, tmp_path: Path) -> None:
    threads: dict[str, list[Line]] = defaultdict(list)
    for line in lines_of(WEIBO):
        threads[line["thread"]].append(line)
    fit = [thread for thread in threads.values() if all(map(can_be_posted, thread))]
    deep = max(fit, key=depth)
    chosen = [deep, *(thread for thread in fit[::EVERY_THREAD] if thread is not deep)]
    lines = [line for thread in chosen for line in thread]
    path = tmp_path / "weibo.jsonl"
    # Parents last: each reply has to wait for its own.
    path.write_text("".join(f"{json.dumps(line)}\n" for line in reversed(lines)))

    summary = await import_twice(side, Files(posts=(str(path),)))

    assert len({line["id"] for line in lines}) == summary.posts >= WEIBO_POSTS_MIN
    assert depth(deep) >= 15
    await assert_threads_agree(side, tmp_path, chosen)


async def assert_threads_agree(
    side: WriteSide, folder: Path, threads: Sequence[Sequence[Line]]
) -> None:
    found = await posts_by_origin(side)
    store = SqliteConversations(folder / "conversations.db")
    async for batch in log_of(side):
        wanted = [one for one in batch if type(one.event) in conversations.CONVERSATIONS.events]
        await store.apply(conversations.project(wanted), {0: batch[-1].position})
    for thread in threads:
        children = Counter(line["in_reply_to"] for line in thread)
        for line in some(thread):
            event = found[line["id"]]
            assert_agrees(event, line)
            above = [one.post_id for one in await store.ancestors(event.post_id, 100)]
            assert above == [found[one].post_id for one in reversed(ancestors(line, thread))]
            replies = await store.replies(event.post_id, 10_000)
            assert len(replies) == children[line["id"]]
    store.close()


def ancestors(line: Line, thread: Sequence[Line]) -> list[str]:
    """The ids above a post, the nearest first."""
    parents = {one["id"]: one["in_reply_to"] for one in thread}
    above: list[str] = []
    while (parent := parents[line["id"] if not above else above[-1]]) is not None:
        above.append(parent)
    return above


def depth(thread: Sequence[Line]) -> int:
    depths: dict[str, int] = {}
    for line in thread:
        depths[line["id"]] = depths.get(line["in_reply_to"], 0) + 1
    return max(depths.values())


@pytest.mark.torture
async def test_all_threads(side: WriteSide) -> None:
    lines = lines_of(WEIBO)
    kept: set[str] = set()
    for line in lines:
        if can_be_posted(line) and (line["in_reply_to"] is None or line["in_reply_to"] in kept):
            kept.add(line["id"])

    summary = await import_twice(side, Files(posts=(str(WEIBO),)))

    found = await posts_by_origin(side)
    assert (summary.posts, summary.rejected) == (len(kept), len(lines) - len(kept))
    assert set(found) == kept
    for line in lines:
        if line["id"] in kept:
            assert_agrees(found[line["id"]], line)


@pytest.mark.torture
@pytest.mark.parametrize("name", ["multilingual_text", "mklab_tweets"])
async def test_tweets_in_many_languages(name: str, side: WriteSide) -> None:
    path = POSTS / f"{name}.jsonl.gz"
    lines = lines_of(path)
    fit = [line for line in lines if can_be_posted(line)]

    summary = await import_twice(side, Files(posts=(str(path),)))

    found = await posts_by_origin(side)
    assert (summary.posts, summary.rejected) == (len(fit), len(lines) - len(fit))
    assert summary.accounts == len({line.get("user") for line in fit})
    for line in some(fit):
        assert_agrees(found[line["id"]], line)


async def test_replies_to_posts_that_are_not_there(side: WriteSide) -> None:
    path = POSTS / "twcs_spotify_inbound.jsonl.gz"
    lines = [line for line in read_posts(path) if len(line) == 7]

    summary = await import_twice(side, Files(posts=(str(path),)))

    assert summary.posts + summary.rejected == len(lines) == 15_096
    (rejects,) = map(Path, summary.rejects)
    reasons = Counter(
        " ".join(orjson.loads(line)["reason"].split()[:5])
        for line in rejects.read_text().splitlines()
    )
    assert reasons["The post it replies to,"] == summary.rejected == 15_090


async def test_every_view_follows(tmp_path: Path) -> None:
    """The whole composition, on the tweets of a few public people."""
    path = POSTS / "nepal_politicians_tweets.jsonl.gz"
    tweets = Counter(line["user"] for line in lines_of(path) if can_be_posted(line))

    with Embedded(Settings(data=str(tmp_path), sample="0"), crashed=_crashed) as embedded:
        files = Files(posts=(str(path),))
        summary = await Operator(embedded).imports.run(files, lambda _progress: None)
        await embedded.runner.catch_up()
        people = {user: await embedded.views.account_directory.by_handle(user) for user in tweets}
        found = [one for one in people.values() if one is not None]
        counts = await embedded.views.author_timelines.tweet_counts(found)

    assert summary.posts == sum(tweets.values())
    assert {user: counts[one] for user, one in people.items() if one is not None} == tweets


def _crashed(projection: str, error: BaseException) -> None:
    raise AssertionError(projection) from error
