"""What the contract of the analytics tables does not say."""

import msgspec

from domain.events import AccountBlocked, AccountFollowed, AccountMuted, Event, ImpressionsRecorded
from domain.ids import PostId, millis_of
from projections.engagement import (
    BUCKET_MS,
    ENGAGEMENT,
    CountImpression,
    CountPost,
    DescribePost,
    SetFollow,
    Tally,
    bucket_start,
    zero_filled,
)
from tests import facts

DAY_MS = BUCKET_MS["day"]
MIDNIGHT_MS = 1_704_067_200_000
ADA, BOB = facts.account("ada"), facts.account("bob")


def hour_of(event: Event) -> int:
    return millis_of(event.event_id) // BUCKET_MS["hour"]


def test_a_reply_is_described_and_counts_for_what_it_answers() -> None:
    post = facts.tweet("ada")
    reply = facts.reply("bob", post, "#Tea #tea #Cake")

    assert ENGAGEMENT.project(facts.recorded([reply])) == [
        DescribePost(reply.post_id, BOB, 1, ("tea", "cake")),
        CountPost(post.post_id, "replies", reply.post_id, BOB, hour_of(reply)),
    ]


def test_each_post_that_was_shown_counts() -> None:
    shown = ImpressionsRecorded(
        event_id=facts.event_id(), actor_id=ADA, post_ids=(PostId(1), PostId(2))
    )

    assert ENGAGEMENT.project(facts.recorded([shown])) == [
        CountImpression(PostId(1), shown.event_id, hour_of(shown)),
        CountImpression(PostId(2), shown.event_id, hour_of(shown)),
    ]


def test_a_block_ends_the_follows_of_both() -> None:
    log = facts.Log()
    log.relate(AccountFollowed, "bob", "ada")
    (block,) = log.relate(AccountBlocked, "ada", "bob")

    hour = hour_of(block.event)
    assert ENGAGEMENT.project([block]) == [
        SetFollow(BOB, ADA, on=False, hour=hour, version=2),
        SetFollow(ADA, BOB, on=False, hour=hour, version=2),
    ]


def test_a_mute_is_not_wanted() -> None:
    assert AccountMuted not in ENGAGEMENT.events


def test_an_erased_text_has_no_tags() -> None:
    post = msgspec.structs.replace(facts.tweet("ada", "#tea"), personal=None)

    assert ENGAGEMENT.project(facts.recorded([post])) == [DescribePost(post.post_id, ADA, 1, ())]


def test_a_filled_series_has_every_bucket_of_its_span() -> None:
    found = [Tally(MIDNIGHT_MS + DAY_MS, likes=3)]

    assert zero_filled(found, MIDNIGHT_MS + 1, MIDNIGHT_MS + 2 * DAY_MS + 1, "day") == [
        Tally(MIDNIGHT_MS),
        Tally(MIDNIGHT_MS + DAY_MS, likes=3),
        Tally(MIDNIGHT_MS + 2 * DAY_MS),
    ]


def test_an_empty_span_has_no_bucket() -> None:
    assert zero_filled([], MIDNIGHT_MS, MIDNIGHT_MS, "hour") == []


def test_buckets_begin_on_the_hour_and_at_midnight_utc() -> None:
    assert bucket_start(MIDNIGHT_MS + DAY_MS - 1, "day") == MIDNIGHT_MS
    assert bucket_start(MIDNIGHT_MS + 3_600_001, "hour") == MIDNIGHT_MS + 3_600_000
