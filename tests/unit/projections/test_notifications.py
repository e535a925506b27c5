"""Which events tell whom of what."""

import msgspec
from msgspec.structs import replace

from domain.events import AccountBlocked, AccountFollowed, AccountMuted, Event, Recorded
from domain.ids import ItemId
from projections.notifications import (
    FIRST_TEXT,
    NotifyOfPost,
    Operation,
    SetFollow,
    TextKind,
    project,
)
from tests import facts

ADA, BOB, CLEO = (facts.account(name) for name in ("ada", "bob", "cleo"))


def operations(*events: Event) -> list[Operation]:
    return list(project(facts.recorded(events)))


def kinds(event: Event) -> dict[int, TextKind]:
    """Who is told of the event, and as what."""
    return {o.recipient_id: o.kind for o in operations(event) if isinstance(o, NotifyOfPost)}


def test_a_reply_tells_the_author_replied_to_of_the_reply_and_others_of_the_mention() -> None:
    parent = facts.tweet("ada")

    assert kinds(facts.reply("bob", parent, "@ada @cleo yes")) == {ADA: "reply", CLEO: "mention"}


def test_a_quote_tells_the_quoted_author_of_the_quote() -> None:
    quoted = facts.tweet("ada")

    assert kinds(facts.tweet("bob", "@ada so true", quoting=quoted)) == {ADA: "quote"}


def test_handles_that_nobody_has_and_ones_own_tell_nobody() -> None:
    assert kinds(facts.tweet("ada", "@ada meets @nobody_at_all")) == {}


def test_a_post_whose_words_were_erased_mentions_nobody_but_is_still_a_reply() -> None:
    reply = facts.reply("bob", facts.tweet("ada"), "@cleo")

    assert kinds(msgspec.structs.replace(reply, personal=None)) == {ADA: "reply"}


def test_an_edit_is_a_later_version_of_the_text_than_the_post() -> None:
    tweet = facts.tweet("ada", "@bob")
    edit = facts.edited(tweet, "@bob")

    assert operations(tweet, edit) == [
        NotifyOfPost(BOB, tweet.post_id, ADA, "mention", ItemId(tweet.event_id), FIRST_TEXT),
        NotifyOfPost(BOB, tweet.post_id, ADA, "mention", ItemId(edit.event_id), FIRST_TEXT + 1),
    ]


def test_a_mention_across_a_block_tells_nobody() -> None:
    tweet = facts.tweet("ada", "@bob")
    assert tweet.personal is not None
    (mention,) = tweet.personal.mentions
    silent = replace(tweet.personal, mentions=(replace(mention, silent=True),))

    assert operations(replace(tweet, personal=silent)) == []


def test_liking_ones_own_post_tells_nobody() -> None:
    assert operations(facts.liked("ada", facts.tweet("ada"))) == []


def test_a_block_ends_the_follows_of_both_and_a_mute_ends_none() -> None:
    log = facts.Log()

    def told(recorded: list[Recorded]) -> list[tuple[int, int, bool]]:
        return [
            (o.recipient_id, o.actor_id, o.on)
            for o in project(recorded)
            if isinstance(o, SetFollow)
        ]

    assert told(log.relate(AccountFollowed, "ada", "bob")) == [(BOB, ADA, True)]
    assert told(log.relate(AccountMuted, "ada", "bob")) == []
    assert told(log.relate(AccountBlocked, "bob", "ada")) == [(ADA, BOB, False), (BOB, ADA, False)]
