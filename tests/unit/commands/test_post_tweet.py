"""Posting a tweet, and quoting."""

import pytest

from commands.post_tweet import PostTweet, post_tweet
from domain.errors import Blocked, Invalid, NotSignedIn, PostNotFound, Suspended
from domain.events import (
    AccountBlocked,
    AccountClosed,
    HandleClaimed,
    MentionOf,
    PostHidden,
    TweetPosted,
)
from domain.ids import EventId, PostId
from tests import facts
from tests.acting import World, account, body_of, next_id

ADA = account("ada")


async def test_a_tweet_is_published_with_what_is_in_it() -> None:
    world = World()

    reply = await world.when(post_tweet, PostTweet(author_id=ADA, text="good #morning"))

    assert world.news == [
        TweetPosted(event_id=next_id(), actor_id=ADA, personal=facts.text_of("good #morning"))
    ]
    assert reply.status == 201
    assert dict(reply.headers)["Location"] == f"/v1/posts/{next_id()}"
    assert reply.vector == {"log/0": len(world.fakes.log.recorded)}


async def test_the_answer_is_the_post() -> None:
    reply = await World().when(post_tweet, PostTweet(author_id=ADA, text="hi #you"))

    post = body_of(reply)
    assert post["id"] == str(next_id())
    assert post["conversation_id"] == post["id"]
    assert (post["kind"], post["author_id"], post["text"]) == ("tweet", str(ADA), "hi #you")
    assert (post["version"], post["edited_at"], post["quote_of_id"]) == (1, None, None)
    assert post["entities"]["hashtags"] == [{"tag": "you", "start": 3, "end": 7}]
    assert post["counts"] == {"replies": 0, "reposts": 0, "likes": 0, "quotes": 0}
    assert post["viewer"] == {"liked": False, "reposted": False, "bookmarked": False}


async def test_the_text_is_kept_as_it_was_sent() -> None:
    world = World()
    text = "  e\u0301 and\r\nmore \N{ZERO WIDTH JOINER} "

    reply = await world.when(post_tweet, PostTweet(author_id=ADA, text=text))

    assert body_of(reply)["text"] == text


async def test_a_mention_names_who_holds_the_handle_now() -> None:
    claimed = HandleClaimed(event_id=facts.event_id(), actor_id=account("bob"), handle_key="robert")
    world = World().given(claimed)

    await world.when(post_tweet, PostTweet(author_id=ADA, text="@Robert @nobody"))

    [tweet] = world.news
    assert isinstance(tweet, TweetPosted)
    assert tweet.personal is not None
    assert tweet.personal.mentions == (
        MentionOf("Robert", account("bob"), 0, 7),
        MentionOf("nobody", None, 8, 15),
    )


async def test_who_is_mentioned_across_a_block_is_not_told() -> None:
    claimed = HandleClaimed(event_id=facts.event_id(), actor_id=account("bob"), handle_key="bob")
    world = World().given(claimed).given_relation(AccountBlocked, "bob", "ada")

    await world.when(post_tweet, PostTweet(author_id=ADA, text="@bob"))

    [tweet] = world.news
    assert isinstance(tweet, TweetPosted)
    assert tweet.personal is not None
    assert tweet.personal.mentions == (MentionOf("bob", account("bob"), 0, 4, silent=True),)


async def test_every_mention_that_a_text_has_room_for_is_looked_up() -> None:
    names = [f"{a}{b}" for a in "abcdefgh" for b in "0123456789"][:70]
    world = World().given(
        *(
            HandleClaimed(event_id=facts.event_id(), actor_id=account("bob"), handle_key=name)
            for name in names
        )
    )

    reply = await world.when(
        post_tweet, PostTweet(author_id=ADA, text=" ".join(f"@{name}" for name in names))
    )

    mentions = body_of(reply)["entities"]["mentions"]
    assert [m["account_id"] for m in mentions] == [str(account("bob"))] * 70


async def test_a_quote_names_the_quoted_post_and_its_author() -> None:
    quoted = facts.reply("bob", facts.tweet("cleo"))
    world = World().given(quoted)

    reply = await world.when(
        post_tweet, PostTweet(author_id=ADA, text="look", quote_of_id=quoted.post_id)
    )

    [tweet] = world.news
    assert isinstance(tweet, TweetPosted)
    assert (tweet.quote_of_id, tweet.quote_of_author_id) == (quoted.post_id, account("bob"))
    assert body_of(reply)["quote_of_id"] == str(quoted.post_id)


@pytest.mark.parametrize("gone", ["unknown", "deleted", "hidden", "suspended", "closed"])
async def test_what_nobody_can_see_cannot_be_quoted(gone: str) -> None:
    quoted = facts.tweet("bob")
    world = World() if gone == "unknown" else World().given(quoted)
    if gone == "deleted":
        world.given(facts.deleted(quoted))
    elif gone == "hidden":
        world.given(
            PostHidden(
                event_id=facts.event_id(),
                actor_id=account("hal"),
                post_id=quoted.post_id,
                post_author_id=quoted.actor_id,
            )
        )
    elif gone == "suspended":
        world.fakes.refusals.suspended_ids.add(account("bob"))
    elif gone == "closed":
        world.given(AccountClosed(event_id=facts.event_id(), actor_id=account("bob")))

    with pytest.raises(PostNotFound):
        await world.when(
            post_tweet, PostTweet(author_id=ADA, text="look", quote_of_id=quoted.post_id)
        )

    assert world.news == []


@pytest.mark.parametrize(("blocker", "blocked"), [("ada", "bob"), ("bob", "ada")])
async def test_a_block_either_way_forbids_to_quote(blocker: str, blocked: str) -> None:
    quoted = facts.tweet("bob")
    world = World().given(quoted).given_relation(AccountBlocked, blocker, blocked)

    with pytest.raises(Blocked):
        await world.when(
            post_tweet, PostTweet(author_id=ADA, text="look", quote_of_id=quoted.post_id)
        )


async def test_a_suspended_account_cannot_post() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(post_tweet, PostTweet(author_id=ADA, text="hello"))


async def test_a_closed_account_cannot_post_whatever_its_token_says() -> None:
    world = World().given(AccountClosed(event_id=facts.event_id(), actor_id=ADA))

    with pytest.raises(NotSignedIn):
        await world.when(post_tweet, PostTweet(author_id=ADA, text="hello"))


async def test_a_text_that_breaks_the_rules_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        await World().when(post_tweet, PostTweet(author_id=ADA, text="a" * 281))

    assert refused.value.errors == (("/text", "The text weighs 281, more than 280"),)


async def test_an_import_brings_its_own_id_and_a_second_run_adds_nothing() -> None:
    world = World()
    imported = PostTweet(author_id=ADA, text="old", post_id=PostId(4711), source="file:1")

    await world.when(post_tweet, imported)
    await world.when(post_tweet, imported)

    assert world.news == [
        TweetPosted(
            event_id=EventId(4711),
            actor_id=ADA,
            source="file:1",
            personal=facts.text_of("old"),
        )
    ]
