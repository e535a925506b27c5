"""Homes kept ready are complete above their floors, and few enough."""

from domain.ids import AccountId
from infra.sqlite.home_ready import ReadyHome, ReadyHomes

ADA, BOB, CLEO = AccountId(1), AccountId(2), AccountId(3)


def kept(homes: ReadyHomes, reader: AccountId = ADA) -> ReadyHome:
    home = homes.get(reader)
    assert home is not None
    return home


def test_items_stand_in_order_and_once_however_they_come() -> None:
    homes = ReadyHomes(depth=8)
    homes.keep(ADA, [20, 30], 0)

    for item_id in (40, 10, 25, 40, 25):
        homes.push(item_id, homes.of([ADA]))

    assert list(kept(homes).ids) == [10, 20, 25, 30, 40]


def test_what_is_cut_is_below_the_floor() -> None:
    homes = ReadyHomes(depth=4)
    homes.keep(ADA, [10, 20, 30, 40], 0)

    homes.push(50, homes.of([ADA]))
    homes.push(60, homes.of([ADA]))
    homes.push(15, homes.of([ADA]))

    assert list(kept(homes).ids) == [30, 40, 50, 60]
    assert kept(homes).floor == 20


def test_a_home_with_more_than_fits_begins_with_a_floor() -> None:
    homes = ReadyHomes(depth=2)

    homes.keep(ADA, [10, 20, 30], 0)

    assert (list(kept(homes).ids), kept(homes).floor) == ([20, 30], 10)


def test_where_too_many_are_kept_those_not_seen_for_longest_go() -> None:
    homes = ReadyHomes(depth=2, readers_max=2)
    homes.keep(ADA, [], 0)
    homes.keep(BOB, [], 1)
    kept(homes, ADA).last_read_ms = 2

    homes.keep(CLEO, [], 3)

    assert homes.sizes.keys() == {ADA, CLEO}
