"""What is on or off."""

import pytest

from domain import toggles
from domain.events import BookmarkAdded, BookmarkRemoved, Recorded
from domain.toggles import Toggle
from tests import facts

POSTED = facts.tweet("bob")
ADA = facts.account("ada")
BOOKMARKED = BookmarkAdded(event_id=facts.event_id(), actor_id=ADA, post_id=POSTED.post_id)
UNBOOKMARKED = BookmarkRemoved(event_id=facts.event_id(), actor_id=ADA, post_id=POSTED.post_id)
PAIRS = [
    (facts.liked("ada", POSTED), facts.unliked("ada", POSTED)),
    (facts.reposted("ada", POSTED), facts.unreposted("ada", POSTED)),
    (BOOKMARKED, UNBOOKMARKED),
]


def latest(event: Toggle) -> Recorded:
    return Recorded(event, event.event_id, 1)


@pytest.mark.parametrize(("on", "off"), PAIRS)
def test_the_newest_event_says_whether_it_is_on(on: Toggle, off: Toggle) -> None:
    assert [toggles.is_on(newest) for newest in (None, latest(on), latest(off))] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(("on", "off"), PAIRS)
def test_only_what_changes_it_counts(on: Toggle, off: Toggle) -> None:
    states = (None, latest(on), latest(off))

    assert [toggles.changes(on, newest) for newest in states] == [True, False, True]
    assert [toggles.changes(off, newest) for newest in states] == [False, True, False]


def test_the_registers_are_those_of_the_events() -> None:
    registers = [
        register(ADA, POSTED.post_id)
        for register in (toggles.like_of, toggles.repost_of, toggles.bookmark_of)
    ]

    assert [[on.stream, off.stream] for on, off in PAIRS] == [[name] * 2 for name in registers]
