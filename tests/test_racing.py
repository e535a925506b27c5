"""The checkers of histories: what no order explains is no history of one thing."""

import httpx

from tests.cluster.racing import Raced, is_register, is_reservation


def raced(value: str, began: float, ended: float, status: int = 200) -> Raced:
    return Raced(value, began, ended, httpx.Response(status))


def test_one_of_many_reserves() -> None:
    late = raced("bob", 1, 3, 409)

    assert is_reservation([raced("ada", 0, 2, 201), late])
    assert is_reservation([raced("ada", 2, 4, 201), late])
    assert not is_reservation([raced("ada", 0, 2, 201), raced("bob", 1, 3, 201)])
    assert not is_reservation([late])


def test_nobody_is_refused_for_what_did_not_begin() -> None:
    assert not is_reservation([raced("ada", 4, 5, 201), raced("bob", 1, 3, 409)])


def test_an_order_keeps_what_was_over_before_what_began() -> None:
    first, second, beside = raced("1", 0, 1), raced("2", 2, 3), raced("3", 0, 3)

    assert is_register([first, second, beside], ["1", "2", "3"])
    assert is_register([first, second, beside], ["3", "1", "2"])
    assert not is_register([first, second, beside], ["2", "1", "3"])


def test_an_order_has_each_once_and_nothing_else() -> None:
    first, second = raced("1", 0, 1), raced("2", 2, 3)

    assert not is_register([first, second], ["1"])
    assert not is_register([first], ["1", "2"])
    assert not is_register([first, second], ["1", "2", "1"])
