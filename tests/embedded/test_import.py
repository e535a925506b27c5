"""Importing posts and follows on the embedded write side."""

import asyncio
import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from commands.close_account import CloseAccount, close_account
from commands.delete_tweet import DeleteTweet, delete_tweet
from commands.follow_account import FollowAccount, UnfollowAccount, follow_account, unfollow_account
from commands.mentions import account_of
from commands.open_account import OpenAccount, open_account
from domain.events import (
    AccountFollowed,
    AccountOpened,
    Event,
    PostPosted,
    ReplyPosted,
    TweetPosted,
)
from domain.ids import AccountId, is_imported, millis_of
from infra.importing.file_ids import BadNamespace, source_of
from infra.importing.files import UnreadableFile
from infra.importing.imports import Files
from infra.importing.recording import give
from infra.importing.tally import Progress, Summary
from infra.stamps import wall_clock_ms
from tests.write_side import WriteSide

EventT = TypeVar("EventT", bound=Event)
Line = dict[str, Any] | str

OCTOBER_MS = 1_351_198_834_000
OCTOBER = "2012-10-25T21:00:34Z"


@pytest.fixture
def world(tmp_path: Path) -> Iterator["World"]:
    with WriteSide(tmp_path / "data") as side:
        yield World(side, tmp_path)


class World:
    """A write side, files to import, and what is in the log afterwards."""

    def __init__(self, side: WriteSide, folder: Path) -> None:
        self.side = side
        self.folder = folder
        self.told: list[Progress] = []
        self._moved = asyncio.Event()

    def file(self, name: str, lines: Iterable[Line]) -> str:
        path = self.folder / name
        written = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        content = "".join(f"{line}\n" for line in written).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(path)

    async def posts(self, *lines: Line, name: str = "posts.jsonl", **more: Any) -> Summary:
        return await self.run(Files(posts=(self.file(name, lines),), **more))

    async def follows(self, *lines: str, name: str = "graph.tsv", **more: Any) -> Summary:
        return await self.run(Files(follows=(self.file(name, lines),), **more))

    async def run(self, files: Files) -> Summary:
        return await self.side.imports.run(files, self._tell)

    def _tell(self, progress: Progress) -> None:
        self.told.append(progress)
        self._moved.set()

    async def reached(self, *, lines: int) -> None:
        while not self.told or self.told[-1].lines < lines:
            self._moved.clear()
            await self._moved.wait()

    async def all(self, kind: type[EventT]) -> list[EventT]:
        recorded = await self.side.feed.read(0, 0, 100_000)
        events = [fed.event for fed in recorded]  # type: ignore[union-attr]
        return [event for event in events if isinstance(event, kind)]

    async def texts(self) -> dict[str, PostPosted]:
        posted: list[PostPosted] = await self.all(TweetPosted)
        posted += await self.all(ReplyPosted)
        return {one.personal.text: one for one in posted if one.personal is not None}

    async def account(self, handle: str) -> AccountId:
        found = await account_of(handle, self.side.ports)
        assert found is not None
        return found

    async def follows_of(self) -> set[tuple[AccountId, AccountId]]:
        return {(one.actor_id, one.target_id) for one in await self.all(AccountFollowed)}

    def source(self, namespace: str, user: str) -> str:
        return source_of(namespace, f"account/{user}", self.side.keyring)

    def rejects(self, namespace: str = "posts") -> list[tuple[int, str]]:
        path = self.folder / "data" / "imports" / f"{namespace}.rejects.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(one["line"], one["reason"]) for one in map(json.loads, lines)]


def post(file_id: str, text: str, user: str | None = "ada", **more: Any) -> Line:
    return {"id": file_id, "user": user, "created_at": OCTOBER, "text": text, **more}


async def test_a_post_keeps_its_time_author_text_and_origin(world: World) -> None:
    summary = await world.posts(post("7", "hello #there"))

    (tweet,) = await world.all(TweetPosted)
    assert (summary.accounts, summary.posts, summary.events) == (1, 1, 3)
    assert millis_of(tweet.event_id) == OCTOBER_MS
    assert is_imported(tweet.event_id)
    assert tweet.source == "posts:7"
    assert tweet.personal is not None
    assert [tag.tag for tag in tweet.personal.hashtags] == ["there"]
    assert tweet.actor_id == await world.account("ada")


async def test_an_account_is_as_old_as_its_first_post(world: World) -> None:
    await world.posts(
        post("1", "second", created_at="2013-01-01T00:00:00Z"), post("2", "first"), name="a.jsonl"
    )

    (opened,) = await world.all(AccountOpened)
    assert millis_of(opened.event_id) == OCTOBER_MS
    assert opened.source == world.source("a", "ada")
    assert "ada" not in opened.source


async def test_a_reply_joins_its_parents_conversation(world: World) -> None:
    await world.posts(
        post("1", "root"),
        post("2", "child", "bob", in_reply_to="1"),
        post("3", "grandchild", "ada", in_reply_to="2"),
    )

    posts = await world.texts()
    child, grandchild = posts["child"], posts["grandchild"]
    assert isinstance(child, ReplyPosted)
    assert isinstance(grandchild, ReplyPosted)
    assert grandchild.in_reply_to_id == child.post_id
    assert grandchild.in_reply_to_author_id == await world.account("bob")
    assert grandchild.conversation_id == posts["root"].post_id


async def test_a_parent_may_come_later_in_the_file_or_in_another_one(world: World) -> None:
    deep = [post(str(n), f"depth {n}", in_reply_to=str(n - 1)) for n in range(30, 0, -1)]
    files = (world.file("a.jsonl", deep), world.file("b.jsonl.gz", [post("0", "root")]))

    summary = await world.run(Files(posts=files, namespace="set"))

    assert (summary.posts, summary.rejected) == (31, 0)


async def test_a_reply_to_nothing_is_rejected_and_so_is_what_replies_to_it(world: World) -> None:
    summary = await world.posts(
        post("1", "an orphan", in_reply_to="0"),
        post("2", "its child", in_reply_to="1"),
        post("3", "to itself", in_reply_to="3"),
        post("4", "fine"),
    )

    assert (summary.posts, summary.rejected) == (1, 3)
    assert sorted(world.rejects()) == [
        (1, "The post it replies to, 0, was not imported"),
        (2, "The post it replies to, 1, was not imported"),
        (3, "The post it replies to, 3, was not imported"),
    ]
    assert summary.rejects == [str(world.folder / "data" / "imports" / "posts.rejects.jsonl")]


async def test_what_cannot_be_posted_is_rejected_with_the_reason(world: World) -> None:
    summary = await world.posts(
        "{",
        post("2", "x" * 281),
        post("3", " "),
        post("4", "later", created_at="2999-01-01T00:00:00Z"),
        post("5", "fine"),
        '{"id": "6"}',
    )

    assert (summary.posts, summary.rejected) == (1, 5)
    reasons = dict(world.rejects())
    assert reasons[2] == "The text weighs 281, more than 280"
    assert reasons[3] == "The text is empty"
    assert reasons[4] == "created_at is in the future"
    assert set(reasons) == {1, 2, 3, 4, 6}


async def test_mended_rejects_come_in_with_a_second_run(world: World) -> None:
    await world.posts(post("1", "x" * 281), post("2", "child", in_reply_to="1"))

    summary = await world.posts(post("1", "short"), post("2", "child", in_reply_to="1"))

    assert (summary.posts, summary.known, summary.rejected) == (2, 0, 0)
    assert world.rejects() == []


async def test_a_second_run_adds_nothing(world: World) -> None:
    lines = [post(str(n), f"post {n}", f"person{n % 7}") for n in range(900)]
    edges = [f"person{n % 7}\tperson{n % 5}" for n in range(35)]
    files = Files(
        posts=(world.file("p.jsonl", lines),),
        follows=(world.file("f.tsv", edges),),
        namespace="set",
    )
    first = await world.run(files)
    head = world.side.log.head

    second = await world.run(files)

    assert (first.posts, first.accounts, first.known) == (900, 7, 0)
    assert first.events == head
    assert (second.events, second.known) == (0, 900 + first.follows)
    assert world.side.log.head == head


async def test_an_id_twice_in_a_file_is_one_post(world: World) -> None:
    summary = await world.posts(post("1", "first"), post("1", "second"))

    assert (summary.posts, summary.known) == (1, 1)
    assert set(await world.texts()) == {"first"}


async def test_files_of_one_namespace_have_the_same_people(world: World) -> None:
    await world.posts(post("1", "hello"), namespace="set")
    summary = await world.follows("ada\tbob", namespace="set")

    assert summary.accounts == 1
    assert await world.follows_of() == {(await world.account("ada"), await world.account("bob"))}


async def test_files_of_other_namespaces_have_other_people_and_posts(world: World) -> None:
    await world.posts(post("1", "hello"), name="one.jsonl")
    summary = await world.posts(post("1", "hello again"), name="other.jsonl.gz")

    opened = await world.all(AccountOpened)
    assert (summary.accounts, summary.posts) == (1, 1)
    assert opened[0].personal is not None
    assert opened[1].personal is not None
    assert opened[0].personal.handle == "ada"
    assert opened[1].personal.handle.startswith("ada_")
    assert opened[1].source == world.source("other", "ada")


async def test_a_handle_that_a_person_has_is_left_to_them(world: World) -> None:
    await give(open_account, OpenAccount(handle="Ada"), world.side.ports)
    first = await world.account("ada")

    await world.posts(post("1", "hello"))

    (tweet,) = await world.all(TweetPosted)
    assert await world.account("ada") == first != tweet.actor_id


async def test_people_whose_ids_differ_in_case_only_are_two(world: World) -> None:
    summary = await world.posts(post("1", "hello", "ada"), post("2", "hello", "ADA"))

    assert (summary.accounts, summary.posts) == (2, 2)


async def test_posts_without_an_author_have_one_for_each_file(world: World) -> None:
    files = tuple(
        world.file(name, [post("1" + name, "one", None), post("2" + name, "two", None)])
        for name in ("us_airline.jsonl", "thai texts.jsonl")
    )

    summary = await world.run(Files(posts=files, namespace="set"))

    assert (summary.accounts, summary.posts) == (2, 4)
    assert await world.account("us_airline")


async def test_a_post_without_a_time_is_of_now(world: World) -> None:
    began = wall_clock_ms()

    await world.posts({"id": "1", "text": "timeless"})

    (tweet,) = await world.all(TweetPosted)
    assert began <= millis_of(tweet.event_id) <= wall_clock_ms()


async def test_many_posts_of_one_second_all_come_in(world: World) -> None:
    lines = [post(str(n), f"post {n}") for n in range(1_500)]

    await world.posts(*lines[:700])
    summary = await world.posts(*lines)

    assert (summary.posts, summary.known) == (800, 700)
    assert len({tweet.event_id for tweet in await world.all(TweetPosted)}) == 1_500


async def test_a_mention_finds_who_is_there_already(world: World) -> None:
    await world.posts(post("1", "hello", "bob"), post("2", "hi @BOB", "ada"))
    await world.posts(post("3", "hi again @bob", "ada"), name="posts.jsonl")

    tweet = (await world.texts())["hi again @bob"]
    assert isinstance(tweet, TweetPosted)
    assert tweet.personal is not None
    assert tweet.personal.mentions[0].account_id == await world.account("bob")


async def test_a_post_that_its_author_deleted_stays_deleted(world: World) -> None:
    await world.posts(post("1", "regretted"))
    (tweet,) = await world.all(TweetPosted)
    command = DeleteTweet(author_id=tweet.actor_id, post_id=tweet.post_id)
    await give(delete_tweet, command, world.side.ports)

    summary = await world.posts(post("1", "regretted"), post("2", "child", in_reply_to="1"))

    assert (summary.posts, summary.known) == (0, 1)
    assert world.rejects() == [(2, "There is no such post")]


async def test_who_closed_their_account_stays_away(world: World) -> None:
    await world.posts(post("1", "hello"))
    await give(close_account, CloseAccount(account_id=await world.account("ada")), world.side.ports)

    summary = await world.posts(post("1", "hello"), post("2", "hello again"))

    assert (summary.accounts, summary.posts) == (0, 0)
    assert world.rejects() == [(2, "The account was closed")]


async def test_follows_go_both_ways_and_not_to_oneself(world: World) -> None:
    summary = await world.follows("1\t2", "2\t1", "1\t2", "3\t3", "1\t3", "nonsense")

    one, two, three = [await world.account(f"u{n}") for n in (1, 2, 3)]
    assert await world.follows_of() == {(one, two), (two, one), (one, three)}
    assert (summary.follows, summary.known, summary.skipped, summary.rejected) == (3, 1, 1, 1)


async def test_a_follow_that_was_undone_is_not_done_again(world: World) -> None:
    await world.follows("1\t2")
    one, two = await world.account("u1"), await world.account("u2")
    await give(unfollow_account, UnfollowAccount(actor_id=one, target_id=two), world.side.ports)

    summary = await world.follows("1\t2", "2\t1")

    assert (summary.follows, summary.known) == (1, 1)
    assert (await world.all(AccountFollowed))[-1].target_id == one


async def test_a_follow_that_a_person_made_is_known(world: World) -> None:
    await world.posts(post("1", "hello", "1"), post("2", "hello", "2"), namespace="set")
    one, two = await world.account("u1"), await world.account("u2")
    await give(follow_account, FollowAccount(actor_id=one, target_id=two), world.side.ports)

    summary = await world.follows("1\t2", namespace="set")

    assert (summary.follows, summary.known) == (0, 1)


async def test_imports_at_the_same_time_take_turns(world: World) -> None:
    lines = [post(str(n), f"post {n}") for n in range(300)]
    one = Files(posts=(world.file("one.jsonl", lines),))
    other = Files(posts=(world.file("other.jsonl", lines),))

    summaries = await asyncio.gather(world.run(one), world.run(other), world.run(one))

    assert [summary.posts for summary in summaries] == [300, 300, 0]
    assert len({tweet.event_id for tweet in await world.all(TweetPosted)}) == 600


async def test_an_import_that_was_stopped_goes_on(world: World) -> None:
    lines = [post(str(n), f"post {n}", f"person{n}") for n in range(1_500)]
    running = asyncio.ensure_future(world.posts(*lines))
    await world.reached(lines=400)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    summary = await world.posts(*lines)

    assert 0 < summary.known < 1_500
    assert summary.known + summary.posts == 1_500
    assert len(await world.texts()) == 1_500
    assert len(await world.all(AccountOpened)) == 1_500


async def test_after_a_restart_everything_is_known(world: World, tmp_path: Path) -> None:
    lines = [post("1", "root"), post("2", "child", in_reply_to="1")]
    with WriteSide(tmp_path / "other") as side:
        await World(side, tmp_path).posts(*lines)

    with WriteSide(tmp_path / "other") as side:
        summary = await World(side, tmp_path).posts(*lines)

    assert (summary.events, summary.known) == (0, 2)


async def test_progress_ends_at_the_whole(world: World) -> None:
    await world.posts(*(post(str(n), f"post {n}") for n in range(50)))

    assert world.told[0].lines == 0
    assert (world.told[-1].lines, world.told[-1].lines_total) == (50, 50)
    assert world.told[-1].events == 52


async def test_a_file_that_cannot_be_read_is_told(world: World) -> None:
    with pytest.raises(UnreadableFile, match="missing"):
        await world.run(Files(posts=(str(world.folder / "missing.jsonl"),)))


@pytest.mark.parametrize("namespace", ["", "a/b", "a b", "é", "x" * 65])
async def test_a_namespace_is_a_plain_name(world: World, namespace: str) -> None:
    files = Files(posts=(world.file("p.jsonl", []),), namespace=namespace)

    with pytest.raises(BadNamespace):
        await world.run(files)
