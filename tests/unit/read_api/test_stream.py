"""What happens, as it happens: order, resuming, resets, and how a stream ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson
import pytest
import pytest_asyncio
from starlette.types import Message

from domain.events import (
    AccountBlocked,
    AccountFollowed,
    AccountMuted,
    AccountSuspended,
    AccountUnfollowed,
    Event,
    ImpressionsRecorded,
    PostHidden,
)
from domain.ids import EPOCH_MS, EventId, compose
from infra.live_hub import RESENT_MS, Bounds
from read_api.stream import Pace
from tests import facts
from tests.read_world import ADMIN, Json, ReadWorld, name_of

QUICK = Pace(heartbeat_s=0.02, check_s=0.01, wait_s=0.05)
BOUNDS = Bounds(held=40, queued=8, streams=3, streams_per_account=2)


class Happened(NamedTuple):
    """One event of a stream."""

    name: str
    event_id: int
    data: Json


class Client:
    """Reads one stream. `taking` cleared: it takes nothing more from the server."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False
        self.taking = asyncio.Event()
        self.taking.set()
        self.gone = asyncio.Event()
        self._heard = asyncio.Condition()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.taking.wait()
        async with self._heard:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {n.decode(): v.decode() for n, v in message["headers"]}
            else:
                self.body += message.get("body", b"")
                self.ended = not message.get("more_body", False)
            self._heard.notify_all()

    @property
    def events(self) -> list[Happened]:
        """What came so far, without comments and the server's advice on reconnecting."""
        blocks = [block.split("\n") for block in self.body.decode().split("\n\n")[:-1]]
        fields = [dict(line.split(": ", 1) for line in block if ": " in line) for block in blocks]
        return [
            Happened(one["event"], int(one["id"]), orjson.loads(one["data"]))
            for one in fields
            if "event" in one
        ]

    async def until(self, enough: Callable[["Client"], bool]) -> None:
        async with asyncio.timeout(30), self._heard:
            await self._heard.wait_for(lambda: enough(self))

    async def hear(self, number: int) -> list[Happened]:
        """Wait until `number` events came; all of them."""
        await self.until(lambda client: len(client.events) >= number)
        return self.events

    async def end(self) -> None:
        await self.until(lambda client: client.ended)


@asynccontextmanager
async def listening(world: ReadWorld, who: str, *, last: object = None) -> AsyncIterator[Client]:
    """A client whose stream has begun."""
    client = Client()
    headers = [(b"authorization", f"Bearer {who}".encode())]
    if last is not None:
        headers.append((b"last-event-id", str(last).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "GET",
        "path": "/v1/stream",
        "query_string": b"",
        "headers": headers,
    }
    serving = asyncio.create_task(world.app(scope, client.receive, client.send))
    try:
        await client.until(lambda one: bool(one.body))
        yield client
    finally:
        client.gone.set()
        client.taking.set()
        await serving


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[ReadWorld]:
    opened = ReadWorld(tmp_path, bounds=BOUNDS, pace=QUICK)
    await opened.given_people()
    await opened.given_relation(AccountFollowed, "ada", "bob")
    async with opened.hub.running():
        yield opened
    opened.close()


def names(events: list[Happened]) -> list[str]:
    return [event.name for event in events]


async def test_each_kind_of_event_comes_in_order_under_its_id(world: ReadWorld) -> None:
    post = facts.tweet("bob", "hello")
    mention = facts.tweet("cleo", "hi @ada")
    edit, deletion = facts.edited(post, "changed"), facts.deleted(post)

    async with listening(world, "ada") as client:
        for event in (post, mention, edit, deletion):
            await world.given(event)
            await client.hear(1 + [post, mention, edit, deletion].index(event))

    home, told, update, delete = client.events
    assert (home.name, home.event_id, home.data["text"]) == ("home", post.event_id, "hello")
    assert home.data["item_id"] == str(post.event_id)
    assert home.data["viewer"] == {"liked": False, "reposted": False, "bookmarked": False}
    assert (told.name, told.data["kind"]) == ("notification", "mention")
    assert name_of(told.data["actor_id"]) == "cleo"
    assert (update.name, update.data["text"], update.data["version"]) == ("update", "changed", 2)
    assert delete == Happened("delete", deletion.event_id, {"id": str(post.post_id)})
    assert client.headers["content-type"].startswith("text/event-stream")


async def test_a_home_item_is_what_the_page_has(world: ReadWorld) -> None:
    strange = facts.tweet("eve")
    await world.given(strange)
    async with listening(world, "ada") as client:
        await world.given(facts.reposted("bob", strange))
        (home,) = await client.hear(1)

    (item,) = (await world.read("/v1/timelines/home", who="ada"))["items"]
    assert home.data == item


async def test_a_repost_that_is_taken_back_is_a_delete_of_its_item(world: ReadWorld) -> None:
    strange = facts.tweet("eve")
    theirs, others = facts.reposted("bob", strange), facts.reposted("cleo", strange)
    removed = facts.unreposted("bob", strange, repost=theirs)
    await world.given(strange)
    async with listening(world, "ada") as client:
        await world.given(theirs, others, facts.unreposted("cleo", strange, repost=others), removed)
        home, delete = await client.hear(2)

    assert home.data["item_id"] == str(theirs.event_id)
    assert delete == Happened(
        "delete",
        removed.event_id,
        {
            "id": home.data["item_id"],
            "post_id": home.data["id"],
            "reposted_by_id": home.data["reposted_by_id"],
        },
    )


async def test_one_hears_what_concerns_one_and_nothing_else(world: ReadWorld) -> None:
    strange = facts.tweet("eve")
    seen = ImpressionsRecorded(
        event_id=facts.event_id(), actor_id=facts.account("bob"), post_ids=(strange.post_id,)
    )
    await world.given(strange)
    async with listening(world, "ada") as client:
        await world.given(
            facts.reply("bob", strange), facts.tweet("cleo"), facts.liked("bob", strange), seen
        )
        mine = facts.tweet("ada")
        await world.given(mine)
        (home,) = await client.hear(1)

    assert home.event_id == mine.event_id


async def test_following_and_unfollowing_count_from_that_moment_on(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        await world.given_relation(AccountFollowed, "ada", "cleo")
        await world.given_relation(AccountUnfollowed, "ada", "bob")
        theirs, ours = facts.tweet("bob"), facts.tweet("cleo")
        await world.given(theirs, ours)
        (home,) = await client.hear(1)

    assert home.event_id == ours.event_id


@pytest.mark.parametrize("hide", [AccountBlocked, AccountMuted])
async def test_who_is_blocked_or_muted_is_not_heard(
    world: ReadWorld, hide: type[AccountBlocked] | type[AccountMuted]
) -> None:
    await world.given_relation(AccountFollowed, "ada", "cleo")
    async with listening(world, "ada") as client:
        await world.given_relation(hide, "ada", "bob")
        post = facts.tweet("bob", "hi @ada")
        await world.given(post, facts.edited(post, "hey @ada"), facts.tweet("cleo"))
        (home,) = await client.hear(1)

    assert name_of(home.data["author_id"]) == "cleo"


async def test_a_suspended_author_is_not_heard_and_a_hidden_post_is_taken_away(
    world: ReadWorld,
) -> None:
    post = facts.tweet("cleo")
    by = facts.account(ADMIN)
    await world.given(post)
    suspended = AccountSuspended(
        event_id=facts.event_id(), actor_id=by, account_id=facts.account("bob")
    )
    hidden = PostHidden(
        event_id=facts.event_id(),
        actor_id=by,
        post_id=post.post_id,
        post_author_id=post.actor_id,
    )
    async with listening(world, "ada") as client:
        await world.given(suspended, facts.tweet("bob"), hidden)
        (gone,) = await client.hear(1)

    assert gone == Happened("delete", hidden.event_id, {"id": str(post.post_id)})


def at(seconds: float, event: Event) -> Any:
    """The event as if it had happened then."""
    moment = compose(facts.NOON_MS + 86_400_000_000 + round(seconds * 1_000), 1, 0)
    return msgspec.structs.replace(event, event_id=EventId(moment))


async def given_long_ago(world: ReadWorld, *events: Event) -> None:
    """Recorded, and handed out to whoever listened then."""
    await world.given(*events)
    while world.hub.newest() < events[-1].event_id:  # noqa: ASYNC110 - of the hub, a step at a time
        await asyncio.sleep(0)


async def test_a_resumed_stream_sends_again_what_is_since_a_minute_before(
    world: ReadWorld,
) -> None:
    posts = [at(seconds, facts.tweet("bob")) for seconds in (0, 61, 100, 121, 200)]
    await given_long_ago(world, *posts)
    last = posts[3].event_id
    assert RESENT_MS == 60_000

    async with listening(world, "ada", last=last) as client:
        again = at(201, facts.tweet("bob"))
        await world.given(again)
        events = await client.hear(5)

    assert [event.event_id for event in events] == [
        *(post.event_id for post in posts[1:]),
        again.event_id,
    ]


async def test_nothing_is_missed_between_two_streams(world: ReadWorld) -> None:
    first, second, third = (at(seconds, facts.tweet("bob")) for seconds in (0, 1, 2))
    async with listening(world, "ada") as client:
        await world.given(first)
        (heard,) = await client.hear(1)
    await world.given(second)
    async with listening(world, "ada", last=heard.event_id) as client:
        await world.given(third)
        events = await client.hear(3)

    assert [event.event_id for event in events] == [
        first.event_id,
        second.event_id,
        third.event_id,
    ]


@pytest.mark.parametrize("last", ["not-an-id", "-1", "9" * 30])
async def test_who_names_no_event_of_ours_must_read_again(world: ReadWorld, last: str) -> None:
    async with listening(world, "ada", last=last) as client:
        (reset,) = await client.hear(1)

    assert (reset.name, reset.data) == ("reset", {})


async def test_what_is_held_no_more_is_a_reset_from_which_one_can_go_on(
    world: ReadWorld,
) -> None:
    posts = [at(seconds * 10, facts.tweet("eve")) for seconds in range(BOUNDS.held + 20)]
    await given_long_ago(world, *posts)
    async with listening(world, "ada", last=posts[10].event_id) as client:
        (reset,) = await client.hear(1)
        later = at(2_000, facts.tweet("bob"))
        await world.given(later)
        events = await client.hear(2)
    async with listening(world, "ada", last=reset.event_id) as resumed:
        assert (await resumed.hear(1))[0].event_id == later.event_id

    assert names(events) == ["reset", "home"]
    assert reset.event_id == posts[-1].event_id


async def test_a_slow_client_is_dropped_with_a_reset(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        client.taking.clear()
        for _ in range(BOUNDS.queued + 60):
            await world.given(facts.tweet("bob"))
            await asyncio.sleep(0)
        client.taking.set()
        await client.end()

    assert client.events[-1].name == "reset"
    assert names(client.events).count("reset") == 1


async def test_imports_are_not_news(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        imported = facts.tweet("bob")
        old = EventId(compose(EPOCH_MS + 1_000_000, 1_023, 5))
        await world.given(
            type(imported)(event_id=old, actor_id=imported.actor_id, personal=imported.personal)
        )
        post = facts.tweet("bob")
        await world.given(post)
        (home,) = await client.hear(1)

    assert home.event_id == post.event_id


async def test_a_stream_ends_with_its_token(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        world.people.refused.add("ada")
        await world.given(facts.tweet("bob"))
        await client.end()

    assert client.events == []


async def test_a_stream_ends_when_its_reader_is_suspended(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        world.people.suspended.add("ada")
        await client.end()


async def test_heartbeats_come_while_nothing_happens(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        await client.until(lambda one: one.body.count(b"\n:\n\n") >= 3)

    assert client.events == []


async def test_views_that_do_not_come_along_are_a_reset(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        world.applied.held_back = True
        await world.given(facts.tweet("bob"))
        await client.end()

    assert names(client.events) == ["reset"]


async def test_an_account_may_have_a_few_streams_and_all_together_some(world: ReadWorld) -> None:
    async with listening(world, "ada"), listening(world, "ada"):
        refused = await world.ask("/v1/stream", who="ada")
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 0
        async with listening(world, "bob"):
            assert (await world.ask("/v1/stream", who="cleo")).status == 503
    async with listening(world, "ada") as again:
        assert again.status == 200


async def test_it_needs_a_token(world: ReadWorld) -> None:
    assert (await world.ask("/v1/stream")).status == 401


async def test_streams_end_when_the_server_stops(world: ReadWorld) -> None:
    async with listening(world, "ada") as client:
        world.hub.end()
        await client.end()
    assert (await world.ask("/v1/stream", who="ada")).status == 503
