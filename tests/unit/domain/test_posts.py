"""What tweets and replies have in common: their life and their text."""

from itertools import permutations
from time import process_time

import pytest

from domain import posts
from domain.errors import Invalid, PostNotFound, StaleVersion
from domain.events import PostPosted
from domain.posts import Versions
from domain.text import Hashtag, Url
from tests import facts

TWEET = facts.tweet("ada")
REPLY = facts.reply("bob", TWEET)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 280,
        "\u5929" * 140,
        "e\u0301" * 280,  # weighed composed
        "\N{FAMILY}" * 140,
        "https://example.com/" + "a" * 3_000 + " " + "a" * 256,
        " padded \r\n\t ",
        "\x9d of a real, imported tweet",
    ],
)
def test_a_text_of_280_is_accepted(text: str) -> None:
    assert posts.parse(text).weight.weighted_length <= 280


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("a" * 281, "The text weighs 281, more than 280"),
        ("\u5929" * 140 + "a", "The text weighs 281, more than 280"),
        ("a" * 5_000, "The text has more than 4096 characters"),
        ("", "The text is empty"),
        (" \u3000\n", "The text is empty"),
        ("nul \0", "A post cannot have the character U+0000 at 4"),
        ("\ud83d", "A post cannot have the character U+D83D at 0"),
        ("\x7f", "A post cannot have the character U+007F at 0"),
        ("a\x1bb", "A post cannot have the character U+001B at 1"),
        ("a\ufeff", "A post cannot have the character U+FEFF at 1"),
        ("a\uffff", "A post cannot have the character U+FFFF at 1"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused(text: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        posts.parse(text)

    assert refused.value.errors == (("/text", detail),)


@pytest.mark.parametrize(
    "unit", ["a", "@a ", "#a ", "a.", "\u0430.\u0431 ", "http://a.b.", "e\u0301"]
)
def test_a_long_text_is_refused_in_no_time(unit: str) -> None:
    started = process_time()

    with pytest.raises(Invalid):
        posts.parse(unit * 60_000)
    with pytest.raises(Invalid):
        posts.parse((unit * 4_096)[: posts.TEXT_CHARS_MAX])

    assert process_time() - started < 0.5


def test_the_content_knows_what_is_in_the_text_and_whose_the_handles_are() -> None:
    text = "@Ada look https://example.com #News"

    content = posts.content_of(text, posts.parse(text), {"ada": facts.account("ada")})

    assert [(m.handle, m.account_id) for m in content.mentions] == [("Ada", facts.account("ada"))]
    assert content.urls == (Url("https://example.com", 10, 29),)
    assert content.hashtags == (Hashtag("News", 30, 35),)


def test_a_post_is_there_until_it_is_deleted() -> None:
    there = posts.fold(facts.recorded([TWEET]))
    gone = posts.fold(facts.recorded([TWEET, facts.deleted(TWEET)]))

    assert posts.found(there).posted == TWEET
    with pytest.raises(PostNotFound):
        posts.found(gone)
    with pytest.raises(PostNotFound):
        posts.found(posts.fold([]))


def test_a_deletion_absorbs_in_any_order() -> None:
    history = facts.recorded([TWEET, facts.deleted(TWEET), facts.deleted(TWEET)])

    states = {posts.fold(order) for order in permutations(history)}

    assert [state and state.deleted for state in states] == [True]


def test_a_tweet_begins_a_conversation_and_a_reply_belongs_to_one() -> None:
    tweet = posts.found(posts.fold(facts.recorded([TWEET])))
    reply = posts.found(posts.fold(facts.recorded([REPLY])))

    assert tweet.conversation_id == reply.conversation_id == TWEET.post_id


def test_a_posts_version_counts_its_edits() -> None:
    edits = facts.recorded([facts.edited(TWEET, "a"), facts.edited(TWEET, "b")])

    assert posts.version_after(None) == 1
    assert posts.version_after(edits[-1]) == 3


@pytest.mark.parametrize("wanted", [frozenset({2}), frozenset({1, 2}), None])
def test_an_edit_is_of_a_version_that_was_seen(wanted: Versions) -> None:
    posts.expect_version(2, wanted)


@pytest.mark.parametrize("wanted", [frozenset({1}), frozenset({3}), frozenset()])
def test_an_edit_of_another_version_is_stale(wanted: Versions) -> None:
    with pytest.raises(StaleVersion):
        posts.expect_version(2, wanted)


@pytest.mark.parametrize("post", [TWEET, REPLY])
def test_the_streams_of_a_post_are_those_of_its_events(
    post: PostPosted,
) -> None:
    assert posts.stream_of(post.post_id) == post.stream == facts.deleted(post).stream
    assert posts.edits_of(TWEET.post_id) == facts.edited(TWEET, "a").stream
