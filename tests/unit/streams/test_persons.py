"""What is exported of one person, and that nobody else is unsealed for it."""

from collections.abc import AsyncIterator, Sequence

import pytest

from domain.errors import Unavailable
from domain.events import (
    AccountErased,
    AccountSuspended,
    Event,
    PostHidden,
    Recorded,
    TweetPosted,
)
from domain.ids import AccountId
from streams.envelope import Codec, Erased
from streams.feed import Fed, Unreadable
from streams.persons import OnlyTheirs, concerns, events_of, exported
from tests import facts
from tests.golden_events import GoldenKeyring

ADA, BOB, HAL = (facts.account(name) for name in ("ada", "bob", "hal"))
TWEET, OTHER = facts.tweet("ada"), facts.tweet("bob")


async def read(*fed: Fed) -> AsyncIterator[Sequence[Fed]]:
    for one in fed:
        yield [one]


async def test_events_come_in_the_order_of_the_log() -> None:
    log = facts.recorded([TWEET, OTHER, facts.liked("ada", OTHER), facts.liked("bob", TWEET)])
    garbage = Unreadable(9, "x", b"", "no event", unknown_type=False)

    found = [one async for one in events_of(ADA, read(garbage, *log))]

    assert found == [log[0], log[2]]


@pytest.mark.parametrize(
    "event",
    [
        AccountSuspended(event_id=facts.event_id(), actor_id=HAL, account_id=ADA, reason="spam"),
        AccountErased(event_id=facts.event_id(), actor_id=AccountId(0), account_id=ADA),
        PostHidden(
            event_id=facts.event_id(), actor_id=HAL, post_id=TWEET.post_id, post_author_id=ADA
        ),
    ],
    ids=lambda event: event.TYPE,
)
def test_what_was_done_about_a_person_is_theirs_too(event: Event) -> None:
    assert concerns(event, ADA)
    assert not concerns(event, BOB)


def test_a_line_says_where_and_what() -> None:
    line = exported(Recorded(TWEET, 7, 3))

    assert (line.partition, line.position, line.version) == ("log/0", 3, 7)
    assert (line.type, line.schema, line.stream) == ("tweet.posted", 1, TWEET.stream)
    assert line.event["personal"]["text"] == "hello"


def test_only_the_persons_own_words_are_unsealed() -> None:
    whole = Codec(GoldenKeyring())
    theirs = OnlyTheirs(GoldenKeyring(), ADA)

    own, other = (Codec(theirs).decode(*whole.encode(event)) for event in (TWEET, OTHER))

    assert own == TWEET
    assert isinstance(other, TweetPosted)
    assert other.personal is None
    assert (theirs.readable, theirs.unreadable) == (1, 0)


def test_what_cannot_be_opened_any_more_is_counted() -> None:
    class Gone(GoldenKeyring):
        def open(self, person_id: AccountId, sealed: bytes) -> bytes:
            raise Erased

    theirs = OnlyTheirs(Gone(), ADA)

    Codec(theirs).decode(*Codec(GoldenKeyring()).encode(TWEET))

    assert (theirs.readable, theirs.unreadable) == (0, 1)


def test_nothing_is_sealed_by_who_reads() -> None:
    with pytest.raises(Unavailable):
        OnlyTheirs(GoldenKeyring(), ADA).seal(ADA, b"clear")
