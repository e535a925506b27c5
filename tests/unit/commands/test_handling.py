"""The way that every command takes: decide, record, decide again; one effect for each key."""

import asyncio
from collections.abc import Sequence

import pytest

from commands.answers import NO_CONTENT
from commands.edit_profile import EditProfile, edit_profile
from commands.edit_tweet import EditTweet, edit_tweet
from commands.follow_account import FollowAccount, follow_account
from commands.handling import DECISIONS_MAX, Decision, run
from commands.like_post import LikePost, like_post
from commands.ports import Append, Ports, Receipt, VersionConflict
from commands.post_tweet import PostTweet, post_tweet
from domain import accounts
from domain.errors import (
    Conflict,
    Invalid,
    KeyInProgress,
    KeyReused,
    NotSignedIn,
    PostNotFound,
    Refusal,
    Unavailable,
)
from domain.events import AccountFollowed, ProfileChanged, TweetEdited
from domain.positions import Vector
from tests import facts
from tests.acting import World, account, body_of, call
from tests.fakes import FakeEventLog, Fakes, FakeStamps

ADA = account("ada")
HELLO = PostTweet(author_id=ADA, text="hello")


class SlowLog(FakeEventLog):
    """Lets other commands run between a decision and its append, as a real log does; counts the
    conflicts."""

    conflicts = 0

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        await asyncio.sleep(0)
        try:
            return await super().append(appends, receipt=receipt)
        except VersionConflict:
            self.conflicts += 1
            raise


async def test_the_same_key_and_body_have_one_effect_and_one_answer() -> None:
    world = World()

    first = await world.when(post_tweet, HELLO, call(key="k"))
    second = await world.when(post_tweet, HELLO, call(key="k"))

    assert len(world.news) == 1
    assert (second.status, second.body, second.vector) == (201, first.body, first.vector)
    assert ("Idempotency-Replayed", "true") not in first.headers
    assert ("Idempotency-Replayed", "true") in second.headers
    assert set(first.headers) < set(second.headers)


async def test_without_a_key_the_same_request_has_two_effects() -> None:
    world = World()

    for _ in range(2):
        await world.when(post_tweet, HELLO)

    assert len(world.news) == 2


async def test_a_key_belongs_to_one_account() -> None:
    world = World()

    await world.when(post_tweet, HELLO, call("ada", key="k"))
    await world.when(
        post_tweet, PostTweet(author_id=account("bob"), text="hello"), call("bob", key="k")
    )

    assert len(world.news) == 2


async def test_a_key_cannot_be_used_for_another_request() -> None:
    world = World()
    await world.when(post_tweet, HELLO, call(key="k"))

    with pytest.raises(KeyReused):
        await world.when(
            post_tweet,
            PostTweet(author_id=ADA, text="bye"),
            call(key="k", fingerprint=b"another request"),
        )

    assert len(world.news) == 1


async def test_while_the_first_request_runs_a_second_one_is_refused() -> None:
    world = World()
    may_go_on = asyncio.Event()

    async def slowly(ports: Ports) -> Decision:
        await may_go_on.wait()
        return await post_tweet(HELLO, ports)

    first = asyncio.create_task(run(call(key="k"), world.ports, slowly))
    await asyncio.sleep(0)
    with pytest.raises(KeyInProgress):
        await world.when(post_tweet, HELLO, call(key="k"))
    may_go_on.set()

    assert (await first).status == 201
    assert len(world.news) == 1


async def test_a_refusal_is_repeated_though_it_would_not_be_refused_now() -> None:
    posted = facts.tweet("bob")
    world = World()
    like = LikePost(actor_id=ADA, post_id=posted.post_id)
    with pytest.raises(PostNotFound):
        await world.when(like_post, like, call(key="k"))
    world.given(posted)

    again = await world.when(like_post, like, call(key="k"))

    assert again.status == 404
    assert again.media_type == "application/problem+json"
    assert body_of(again)["type"] == "/problems/post-not-found"
    assert ("Idempotency-Replayed", "true") in again.headers
    assert again.vector is None
    assert world.news == []


@pytest.mark.parametrize("refusal", [NotSignedIn(), Unavailable()])
async def test_what_may_turn_out_differently_is_not_kept(refusal: Refusal) -> None:
    world = World()
    world.fakes.log.failures = [refusal]
    with pytest.raises(type(refusal)):
        await world.when(post_tweet, HELLO, call(key="k"))

    reply = await world.when(post_tweet, HELLO, call(key="k"))

    assert reply.status == 201
    assert len(world.news) == 1


async def test_a_fault_gives_the_key_back() -> None:
    world = World()
    world.fakes.log.failures = [RuntimeError("a bug")]
    with pytest.raises(RuntimeError):
        await world.when(post_tweet, HELLO, call(key="k"))

    assert (await world.when(post_tweet, HELLO, call(key="k"))).status == 201


async def test_an_answer_without_events_is_kept_too() -> None:
    world = World().given_relation(AccountFollowed, "ada", "bob")
    follow = FollowAccount(actor_id=ADA, target_id=account("bob"))

    first = await world.when(follow_account, follow, call(key="k"))
    second = await world.when(follow_account, follow, call(key="k"))

    assert (first.status, second.status) == (204, 204)
    assert ("Idempotency-Replayed", "true") in second.headers


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"])
async def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    with pytest.raises(Invalid) as refused:
        await World().when(post_tweet, HELLO, call(key=key))

    assert [pointer for pointer, _ in refused.value.errors] == ["/Idempotency-Key"]


async def test_the_token_covers_what_was_written_and_the_tokens_that_were_sent() -> None:
    world = World()

    reply = await world.when(post_tweet, HELLO, call(vector={"log/0": 1, "elsewhere/3": 5}))

    assert reply.vector == {"log/0": len(world.fakes.log.recorded), "elsewhere/3": 5}


async def test_a_command_that_keeps_losing_is_a_conflict() -> None:
    world = World()
    world.fakes.log.failures = [VersionConflict("stream")] * DECISIONS_MAX
    follow = FollowAccount(actor_id=ADA, target_id=account("bob"))

    with pytest.raises(Conflict):
        await world.when(follow_account, follow)


async def test_having_lost_is_not_kept_for_the_key() -> None:
    world = World()
    world.fakes.log.failures = [VersionConflict("stream")] * DECISIONS_MAX
    follow = FollowAccount(actor_id=ADA, target_id=account("bob"))
    keyed = call(key="again")
    with pytest.raises(Conflict):
        await world.when(follow_account, follow, keyed)

    reply = await world.when(follow_account, follow, keyed)

    assert (reply.status, len(world.news)) == (204, 1)


async def test_a_command_that_loses_less_often_is_recorded() -> None:
    world = World()
    world.fakes.log.failures = [VersionConflict("stream")] * (DECISIONS_MAX - 1)
    follow = FollowAccount(actor_id=ADA, target_id=account("bob"))

    reply = await world.when(follow_account, follow)

    assert (reply.status, len(world.news)) == (204, 1)


async def test_edits_at_the_same_time_all_count_in_versions_without_a_gap() -> None:
    world = World(Fakes(stamps=FakeStamps(facts.NOON_MS + 10**10)))
    world.fakes.log = SlowLog(idempotency=world.fakes.idempotency)
    posted = facts.tweet("ada")
    world.given(posted)

    replies = await asyncio.gather(
        *(
            world.when(
                edit_tweet,
                EditTweet(author_id=ADA, post_id=posted.post_id, text=text, versions=None),
            )
            for text in ("one", "two", "three", "four")
        )
    )

    recorded = [one for one in world.fakes.log.recorded if isinstance(one.event, TweetEdited)]
    assert [one.version for one in recorded] == [1, 2, 3, 4]
    assert sorted(body_of(reply)["version"] for reply in replies) == [2, 3, 4, 5]


@pytest.mark.parametrize("many", [64, 200])
async def test_however_many_edits_come_at_the_same_time_none_is_a_conflict(many: int) -> None:
    world = World(Fakes(stamps=FakeStamps(facts.NOON_MS + 10**10)))
    log = world.fakes.log = SlowLog(idempotency=world.fakes.idempotency)
    posted = facts.tweet("ada")
    world.given(facts.opened("ada"), posted)

    edits = (
        EditTweet(author_id=ADA, post_id=posted.post_id, text=f"number {n}", versions=None)
        for n in range(many)
    )
    profiles = (EditProfile(account_id=ADA, bio=f"number {n}") for n in range(many))
    replies = await asyncio.gather(
        *(world.when(edit_tweet, edit) for edit in edits),
        *(world.when(edit_profile, profile) for profile in profiles),
    )

    assert {reply.status for reply in replies} == {200}
    assert sorted(body_of(reply)["version"] for reply in replies[:many]) == list(range(2, many + 2))
    assert (len(world.news), log.conflicts) == (2 * many, 0)


async def test_a_command_that_comes_while_others_wait_does_not_overtake_them() -> None:
    world = World(Fakes(stamps=FakeStamps(facts.NOON_MS + 10**10)))
    world.fakes.log = SlowLog(idempotency=world.fakes.idempotency)
    world.given(facts.opened("ada"))
    first, second, third, last = (EditProfile(account_id=ADA, bio=bio) for bio in "1234")

    async with world.ports.turns.on(accounts.stream_of(ADA)):
        others = [asyncio.create_task(world.when(edit_profile, o)) for o in (first, second, third)]
        await asyncio.sleep(0)
        assert world.news == []
    await world.when(edit_profile, last)

    assert all(task.done() for task in others)
    shown = [event.personal for event in world.news if isinstance(event, ProfileChanged)]
    assert [profile.bio for profile in shown if profile] == ["1", "2", "3", "4"]


async def test_of_edits_of_the_same_version_at_the_same_time_one_counts() -> None:
    world = World()
    world.fakes.log = SlowLog(idempotency=world.fakes.idempotency)
    posted = facts.tweet("ada")
    world.given(posted)
    edits = (
        EditTweet(author_id=ADA, post_id=posted.post_id, text=text, versions=frozenset({1}))
        for text in ("one", "two", "three")
    )

    outcomes = await asyncio.gather(
        *(world.when(edit_tweet, edit) for edit in edits), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Reply",
        "StaleVersion",
        "StaleVersion",
    ]


async def test_nothing_to_record_is_an_answer_all_the_same() -> None:
    async def nothing(ports: Ports) -> Decision:
        return Decision(NO_CONTENT)

    reply = await run(call(), World().ports, nothing)

    assert (reply.status, reply.vector) == (204, {})
