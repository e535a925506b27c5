"""What events mean to those who listen."""

import pytest
from hypothesis import given

from domain.events import (
    AccountBlocked,
    AccountFollowed,
    AccountMuted,
    Event,
    ImpressionsRecorded,
    Recorded,
)
from domain.ids import EPOCH_MS, IMPORT_WORKER, AccountId, EventId, ItemId, compose
from projections.items import Item
from projections.signals import Edited, Gone, Posted, Related, Told, Withdrawn, signals
from tests import facts
from tests.histories import histories

ADA, BOB, CLEO = (facts.account(name) for name in ("ada", "bob", "cleo"))


def of(event: Event) -> list[object]:
    return list(signals(facts.recorded([event])[0]))


def told(event: Event, *recipients: AccountId) -> Told:
    return Told(event.event_id, frozenset(recipients))


def test_a_tweet_is_an_item_of_its_author_and_tells_whom_it_mentions() -> None:
    tweet = facts.tweet("ada", "hi @bob and @ada")

    item = Item(ItemId(tweet.event_id), tweet.post_id, ADA, None)
    assert of(tweet) == [Posted(tweet.event_id, ADA, item), told(tweet, BOB)]


def test_a_quote_tells_whom_it_quotes() -> None:
    quote = facts.tweet("ada", "look", quoting=facts.tweet("bob"))

    assert of(quote)[1] == told(quote, BOB)


def test_only_a_reply_to_oneself_is_a_home_item() -> None:
    tweet = facts.tweet("ada")
    thread, answer = facts.reply("ada", tweet), facts.reply("bob", tweet)

    assert [type(signal) for signal in of(thread)] == [Posted]
    assert of(answer) == [told(answer, ADA)]


def test_a_repost_is_an_item_of_the_reposter() -> None:
    tweet = facts.tweet("bob")
    repost = facts.reposted("ada", tweet)

    item = Item(ItemId(repost.event_id), tweet.post_id, BOB, ADA)
    assert of(repost) == [Posted(repost.event_id, ADA, item), told(repost, BOB)]


def test_a_repost_that_is_taken_back_leaves_the_homes_it_was_in() -> None:
    tweet = facts.tweet("bob")
    repost = facts.reposted("ada", tweet)
    removed = facts.unreposted("ada", tweet, repost=repost)

    item_id = ItemId(repost.event_id)
    assert of(removed) == [Withdrawn(removed.event_id, ADA, item_id, tweet.post_id)]


def test_other_things_that_are_taken_back_tell_nobody() -> None:
    tweet = facts.tweet("bob")

    assert of(facts.unliked("ada", tweet)) == of(facts.unreposted("ada", tweet)) == []


def test_an_edit_changes_a_post_and_may_mention_somebody() -> None:
    tweet = facts.tweet("ada")
    edit = facts.edited(tweet, "hi @cleo")

    assert of(edit) == [Edited(edit.event_id, tweet.post_id, ADA), told(edit, CLEO)]


def test_a_deletion_takes_a_post_away() -> None:
    tweet = facts.tweet("ada")
    deletion = facts.deleted(tweet)

    assert of(deletion) == [Gone(deletion.event_id, tweet.post_id, ADA)]


def test_a_follow_relates_both_and_tells_who_is_followed() -> None:
    (follow,) = facts.Log().relate(AccountFollowed, "ada", "bob")
    event_id = follow.event.event_id

    assert list(signals(follow)) == [
        Related(event_id, ADA, BOB, follows=True),
        Related(event_id, BOB, ADA, follows=False),
        told(follow.event, BOB),
    ]


def test_a_block_ends_both_follows_and_a_mute_changes_none() -> None:
    log = facts.Log()
    log.relate(AccountFollowed, "ada", "bob")
    (block,) = log.relate(AccountBlocked, "bob", "ada")
    (mute,) = log.relate(AccountMuted, "ada", "bob")

    assert [s.follows for s in signals(block) if isinstance(s, Related)] == [False, False]
    assert list(signals(mute)) == []


@pytest.mark.parametrize(
    "event",
    [
        ImpressionsRecorded(event_id=facts.event_id(), actor_id=ADA, post_ids=()),
        facts.opened("ada"),
        facts.tweet("ada").__class__(
            event_id=EventId(compose(EPOCH_MS + 10**9, IMPORT_WORKER, 0)),
            actor_id=ADA,
            personal=facts.text_of("old @bob"),
        ),
    ],
    ids=["seen", "opened", "imported"],
)
def test_some_events_are_no_news(event: Event) -> None:
    assert of(event) == []


@given(histories())
def test_every_signal_has_the_id_of_its_event(history: list[Recorded]) -> None:
    assert all(
        signal.event_id == recorded.event.event_id
        for recorded in history
        for signal in signals(recorded)
    )
