"""What accounts wrote last is remembered, for so many of them."""

from domain.ids import AccountId
from web.own_writes import OwnWrites

ADA, BOB, CLEO = AccountId(1), AccountId(2), AccountId(3)
HOME, SEARCH = ("home_timelines", "post_cards"), ("search_index",)


def test_the_newest_command_of_an_account_is_remembered() -> None:
    writes = OwnWrites()
    writes.note(ADA, {"log": 1})

    writes.note(ADA, {"log": 2})

    assert writes.unseen(ADA, HOME) == {"log": 2}
    assert writes.unseen(BOB, HOME) is None


def test_what_was_seen_is_not_waited_for_again() -> None:
    writes = OwnWrites()
    writes.note(ADA, {"log": 1})
    vector = writes.unseen(ADA, HOME)
    assert vector is not None

    writes.note_seen(ADA, vector, HOME)

    assert writes.unseen(ADA, HOME) is None
    assert writes.unseen(ADA, SEARCH) == {"log": 1}


def test_a_newer_command_was_not_seen_with_the_one_before() -> None:
    writes = OwnWrites()
    writes.note(ADA, {"log": 1})
    vector = writes.unseen(ADA, HOME)
    assert vector is not None
    writes.note(ADA, {"log": 2})

    writes.note_seen(ADA, vector, HOME)

    assert writes.unseen(ADA, HOME) == {"log": 2}


def test_who_wrote_longest_ago_is_forgotten() -> None:
    writes = OwnWrites(accounts_max=2)
    writes.note(ADA, {"log": 1})
    writes.note(BOB, {"log": 2})
    writes.note(ADA, {"log": 3})

    writes.note(CLEO, {"log": 4})

    writes.note_seen(BOB, {"log": 2}, HOME)
    assert writes.unseen(BOB, HOME) is None
    assert writes.unseen(ADA, HOME) == {"log": 3}
    assert writes.unseen(CLEO, HOME) == {"log": 4}
