"""What accounts wrote last is remembered, for so many of them."""

from domain.ids import AccountId
from web.own_writes import OwnWrites

ADA, BOB, CLEO = AccountId(1), AccountId(2), AccountId(3)


def test_the_newest_command_of_an_account_is_remembered() -> None:
    writes = OwnWrites()
    writes.note(ADA, {"log": 1})

    writes.note(ADA, {"log": 2})

    assert writes.of(ADA) == {"log": 2}
    assert writes.of(BOB) is None


def test_who_wrote_longest_ago_is_forgotten() -> None:
    writes = OwnWrites(accounts_max=2)
    writes.note(ADA, {"log": 1})
    writes.note(BOB, {"log": 2})
    writes.note(ADA, {"log": 3})

    writes.note(CLEO, {"log": 4})

    assert writes.of(BOB) is None
    assert (writes.of(ADA), writes.of(CLEO)) == ({"log": 3}, {"log": 4})
