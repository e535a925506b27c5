"""What a reader must not see appears on no read path, whichever it is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    AccountUnmuted,
    BookmarkAdded,
    Event,
    PostHidden,
    PostRestored,
)
from domain.ids import PostId
from tests import facts
from tests.read_world import ADMIN, NOW_MS, ReadWorld
from web.routing import Auth

HIDDEN_WORD = "zebrafish"
READER = "bob"
AUTHOR = "ada"


class Stage(NamedTuple):
    """Bob reads; ada is everywhere he could look: she posts, answers, quotes, reposts, follows."""

    world: ReadWorld
    root: PostId  # cleo's tweet, which ada and bob answer
    reply: PostId  # ada's, between cleo's tweet and dan's answer
    tweet: PostId  # ada's
    below: PostId  # dan's answer to ada's reply
    quote: PostId  # cleo's quote of ada's tweet


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    world = ReadWorld(tmp_path)
    world.now_ms = NOW_MS
    await world.given_people()
    for follower, followee in (
        (READER, AUTHOR), (READER, "cleo"), (READER, "dan"), (AUTHOR, READER), (AUTHOR, "cleo"),
        ("cleo", AUTHOR), ("dan", AUTHOR), ("cleo", "eve"), (AUTHOR, "eve"), ("eve", "cleo"),
    ):  # fmt: skip
        await world.given_relation(AccountFollowed, follower, followee)
    root = facts.tweet("cleo", "a root about nothing #tag")
    tweet = facts.tweet(AUTHOR, f"{HIDDEN_WORD} @{READER} #tag")
    reply = facts.reply(AUTHOR, root, f"{HIDDEN_WORD} in an answer @{READER}")
    below = facts.reply("dan", reply, "an answer to the answer")
    quote = facts.tweet("cleo", "look at that", quoting=tweet)
    mine = facts.tweet(READER, "mine")
    quoting_me = facts.tweet(AUTHOR, f"{HIDDEN_WORD} about yours", quoting=mine)
    await world.given(root, tweet, reply, below, quote, mine, quoting_me)
    await world.given(
        facts.reply(AUTHOR, mine, f"{HIDDEN_WORD} to you"),
        facts.reposted(AUTHOR, root),
        facts.reposted("dan", tweet),
        facts.liked(AUTHOR, root),
        facts.liked(AUTHOR, mine),
        facts.reposted(AUTHOR, mine),
        BookmarkAdded(
            event_id=facts.event_id(), actor_id=facts.account(READER), post_id=tweet.post_id
        ),
    )
    yield Stage(world, root.post_id, reply.post_id, tweet.post_id, below.post_id, quote.post_id)
    world.close()


def targets(stage: Stage) -> dict[str, list[str]]:
    """Requests that would lead to ada, by the path of the route they are for."""
    reader, author, cleo, eve = (str(facts.account(n)) for n in (READER, AUTHOR, "cleo", "eve"))
    ids = ",".join(map(str, (stage.root, stage.reply, stage.tweet, stage.below, stage.quote)))
    posts = [stage.root, stage.below, stage.quote]
    return {
        "/v1/timelines/home": ["/v1/timelines/home"],
        "/v1/timelines/public": ["/v1/timelines/public"],
        "/v1/accounts/{id:id}/posts": [
            f"/v1/accounts/{one}/posts?kind=all" for one in (author, cleo, reader)
        ]
        + [f"/v1/accounts/{facts.account('dan')}/posts?kind=all"],
        "/v1/posts": [f"/v1/posts?ids={ids}"],
        "/v1/posts/{id:id}": [f"/v1/posts/{post_id}" for post_id in posts],
        "/v1/posts/{id:id}/history": [f"/v1/posts/{stage.root}/history"],
        "/v1/posts/{id:id}/likes": [f"/v1/posts/{stage.root}/likes"],
        "/v1/posts/{id:id}/reposts": [f"/v1/posts/{stage.root}/reposts"],
        "/v1/posts/{id:id}/conversation": [f"/v1/posts/{one}/conversation" for one in posts],
        "/v1/bookmarks": ["/v1/bookmarks"],
        "/v1/accounts/{id:id}/followers": [
            f"/v1/accounts/{one}/followers" for one in (author, cleo, eve)
        ],
        "/v1/accounts/{id:id}/following": [
            f"/v1/accounts/{one}/following" for one in (author, cleo)
        ],
        "/v1/accounts/{id:id}/mutuals": [f"/v1/accounts/{one}/mutuals" for one in (author, cleo)],
        "/v1/accounts/{id:id}/known-followers": [f"/v1/accounts/{eve}/known-followers"],
        "/v1/suggestions": ["/v1/suggestions"],
        "/v1/notifications": ["/v1/notifications"],
        "/v1/search/posts": [
            f"/v1/search/posts?q={HIDDEN_WORD}",
            f"/v1/search/posts?q={HIDDEN_WORD}&sort=relevance",
            "/v1/search/posts?q=%23tag",
        ],
        "/v1/search/accounts": [f"/v1/search/accounts?q={AUTHOR}"],
    }


# Where ada may well appear, or nobody can.
ELSEWHERE = {
    "/v1/accounts/me": "only the reader",
    "/v1/accounts/{id:id}": "asked for by name: see below",
    "/v1/accounts/by-handle/{handle}": "asked for by name: see below",
    "/v1/accounts": "asked for by name: see below",
    "/v1/relationships": "how the reader stands to accounts",
    "/v1/blocks": "whom the reader blocks",
    "/v1/mutes": "whom the reader mutes",
    "/v1/notifications/unread": "only a number: see test_notifications.py",
    "/v1/timelines/home/why": "see test_why.py",
    "/v1/trends": "only hashtags",
    "/v1/stream": "see test_stream.py",
    "/v1/analytics/posts/{id:id}": "only numbers, for the author",
    "/v1/analytics/accounts/{id:id}": "only numbers, for the owner",
    "/v1/analytics/tags/{tag}": "only numbers",
}


async def suspend(stage: Stage) -> None:
    await stage.world.given(
        AccountSuspended(
            event_id=facts.event_id(),
            actor_id=facts.account(ADMIN),
            account_id=facts.account(AUTHOR),
        )
    )


async def close(stage: Stage) -> None:
    await stage.world.given(
        AccountClosed(event_id=facts.event_id(), actor_id=facts.account(AUTHOR))
    )


async def block(stage: Stage) -> None:
    await stage.world.given_relation(AccountBlocked, READER, AUTHOR)


async def be_blocked(stage: Stage) -> None:
    await stage.world.given_relation(AccountBlocked, AUTHOR, READER)


Measure = Callable[[Stage], Awaitable[None]]
MEASURES: dict[str, Measure] = {
    "block": block,
    "be_blocked": be_blocked,
    "suspend": suspend,
    "close": close,
}


async def shown(stage: Stage, path: str) -> str:
    """Everything that bob gets from a route, page after page."""
    bodies = []
    for target in targets(stage)[path]:
        separator = "&" if "?" in target else "?"
        answered = await stage.world.ask(f"{target}{separator}limit=2", who=READER)
        if answered.status == 404:
            continue
        pages = [answered.json()]
        if "items" in pages[0]:
            pages = await stage.world.walk(f"{target}{separator}limit=2", who=READER)
        bodies.append(str(pages))
    return " ".join(bodies)


def traces_of_ada(text: str) -> list[str]:
    """What only ada's posts and profile have."""
    return [trace for trace in (HIDDEN_WORD, "'handle': 'ada'", "'Ada'") if trace in text]


async def test_every_read_path_is_looked_at(stage: Stage) -> None:
    paths = {route.path for route in stage.world.routes if route.auth is not Auth.ADMIN}

    assert targets(stage).keys() | ELSEWHERE.keys() == paths
    assert not targets(stage).keys() & ELSEWHERE.keys()


async def test_ada_is_seen_where_nothing_hides_her(stage: Stage) -> None:
    unseen = {path for path in targets(stage) if not traces_of_ada(await shown(stage, path))}

    # Whom one follows is not suggested, and nothing of hers is in these posts themselves.
    assert unseen == {"/v1/suggestions", "/v1/posts/{id:id}", "/v1/posts/{id:id}/history"}


@pytest.mark.parametrize("measure", MEASURES)
async def test_who_is_hidden_appears_nowhere(stage: Stage, measure: str) -> None:
    await MEASURES[measure](stage)

    for path in targets(stage):
        assert traces_of_ada(await shown(stage, path)) == [], path


async def test_a_block_is_lifted_and_the_posts_are_back(stage: Stage) -> None:
    await block(stage)
    await stage.world.given_relation(AccountUnblocked, READER, AUTHOR)

    assert (await stage.world.ask(f"/v1/posts/{stage.tweet}", who=READER)).status == 200
    assert traces_of_ada(await shown(stage, "/v1/search/posts"))


async def test_a_suspension_is_lifted_and_the_posts_are_back(stage: Stage) -> None:
    await suspend(stage)
    gone = await stage.world.ask(f"/v1/posts/{stage.tweet}")
    await stage.world.given(
        AccountReinstated(
            event_id=facts.event_id(),
            actor_id=facts.account(ADMIN),
            account_id=facts.account(AUTHOR),
        )
    )

    assert gone.status == 404
    assert (await stage.world.ask(f"/v1/posts/{stage.tweet}")).status == 200


@pytest.mark.parametrize("measure", [block, be_blocked])
async def test_whom_a_block_hides_is_there_when_asked_for_by_name(
    stage: Stage, measure: Measure
) -> None:
    await measure(stage)
    account = f"/v1/accounts/{facts.account(AUTHOR)}"

    one = await stage.world.read(account, who=READER)

    assert one["viewer"]["blocking"] is (measure is block)
    assert one["viewer"]["blocked_by"] is (measure is be_blocked)
    for target in (f"/v1/accounts/by-handle/{AUTHOR}", f"/v1/accounts?ids={one['id']}"):
        assert (await stage.world.ask(target, who=READER)).status == 200
    for listed in ("posts", "followers", "following", "mutuals", "known-followers"):
        assert (await stage.world.read(f"{account}/{listed}", who=READER))["items"] == []


@pytest.mark.parametrize("measure", [suspend, close])
async def test_who_is_suspended_or_closed_is_not_there_for_anybody(
    stage: Stage, measure: Measure
) -> None:
    await measure(stage)
    account = f"/v1/accounts/{facts.account(AUTHOR)}"

    for target in (
        account,
        f"{account}/posts",
        f"{account}/followers",
        "/v1/accounts/by-handle/ADA",
    ):
        assert (await stage.world.ask(target)).status == 404
    assert (await stage.world.read(f"/v1/accounts?ids={facts.account(AUTHOR)}"))["items"] == []


@pytest.mark.parametrize("measure", MEASURES)
async def test_a_hidden_post_is_404_with_everything_about_it(stage: Stage, measure: str) -> None:
    await MEASURES[measure](stage)

    for about in ("", "/history", "/likes", "/reposts", "/conversation"):
        answered = await stage.world.ask(f"/v1/posts/{stage.tweet}{about}", who=READER)
        assert answered.status == 404, about


def hidden(fact: type[PostHidden] | type[PostRestored], post_id: PostId) -> Event:
    return fact(
        event_id=facts.event_id(),
        actor_id=facts.account(ADMIN),
        post_id=post_id,
        post_author_id=facts.account(AUTHOR),
    )


async def test_a_post_that_a_moderator_hid_appears_nowhere(stage: Stage) -> None:
    await stage.world.given(hidden(PostHidden, stage.tweet))

    for path in targets(stage):
        text = await shown(stage, path)
        assert f"{HIDDEN_WORD} @{READER} #tag" not in text, path
    assert (await stage.world.ask(f"/v1/posts/{stage.tweet}", who=AUTHOR)).status == 404

    await stage.world.given(hidden(PostRestored, stage.tweet))
    assert (await stage.world.ask(f"/v1/posts/{stage.tweet}")).status == 200


async def test_a_mute_hides_from_home_and_notifications_only(stage: Stage) -> None:
    await stage.world.given_relation(AccountMuted, READER, AUTHOR)

    for path in targets(stage):
        traces = HIDDEN_WORD in str(await _items(stage, path))
        if path in {"/v1/timelines/home", "/v1/notifications"}:
            assert not traces, path
        elif path in {"/v1/timelines/public", "/v1/search/posts", "/v1/bookmarks"}:
            assert traces, path

    await stage.world.given_relation(AccountUnmuted, READER, AUTHOR)
    assert HIDDEN_WORD in str(await _items(stage, "/v1/timelines/home"))


async def _items(stage: Stage, path: str) -> list[object]:
    found: list[object] = []
    for target in targets(stage)[path]:
        answered = await stage.world.ask(target, who=READER)
        found.append(answered.json().get("items") if answered.status == 200 else None)
    return found
