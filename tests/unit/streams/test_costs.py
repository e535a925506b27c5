"""How long is left, told from what kinds of events are ahead."""

from collections.abc import Mapping

import pytest

from streams.costs import Costs, Estimate, alike

POST_S, FOLLOW_S = 0.001, 0.01


def kinds(partition: int, after: int, until: int) -> Mapping[str, float]:
    """A thousand posts and behind them as many follows."""
    del partition
    posts = max(min(until, 1_000) - min(after, 1_000), 0)
    return {"post": float(posts), "follow": float(until - after - posts)}


def test_a_log_of_one_kind_is_foretold_from_its_beginning() -> None:
    estimate = Estimate({0: 1_000}, alike, Costs())
    estimate.note({0: 0}, 0.0)
    assert estimate.left_s(0.0) is None

    estimate.note({0: 100}, 1.0)

    assert estimate.left_s(1.0) == pytest.approx(9.0)
    assert estimate.left_s(4.0) == pytest.approx(6.0)


def test_what_is_wanted_is_supposed_to_cost_more_until_it_was_seen() -> None:
    estimate = Estimate({0: 2_000}, kinds, Costs(lambda kind: kind == "follow"))
    estimate.note({0: 0}, 0.0)
    estimate.note({0: 500}, 500 * POST_S)

    # Half of the posts, and a thousand follows at four times as much.
    assert estimate.left_s(500 * POST_S) == pytest.approx(500 * POST_S + 4_000 * POST_S)

    took_s = 1_000 * POST_S + 500 * FOLLOW_S
    estimate.note({0: 1_000}, 1_000 * POST_S)
    estimate.note({0: 1_500}, took_s)
    assert estimate.left_s(took_s) == pytest.approx(500 * FOLLOW_S)


def test_kinds_that_come_together_are_told_apart_by_how_many_they_are() -> None:
    costs = Costs()
    for posts in range(1, 400):
        mixed = {"post": posts % 37, "follow": (posts * 7) % 11}
        costs.learn(mixed, mixed["post"] * POST_S + mixed["follow"] * FOLLOW_S)

    assert costs.of({"post": 1_000}) == pytest.approx(1_000 * POST_S, rel=0.5)
    assert costs.of({"follow": 1_000}) == pytest.approx(1_000 * FOLLOW_S, rel=0.2)


def test_time_in_which_it_was_held_up_says_nothing() -> None:
    estimate = Estimate({0: 1_000}, alike, Costs())
    estimate.note({0: 0}, 0.0)
    estimate.note({0: 100}, 1.0)

    estimate.note({0: 200}, 101.0, held_s=99.0)

    assert estimate.left_s(101.0) == pytest.approx(8.0)


def test_few_events_that_took_long_do_not_outweigh_many_that_did_not() -> None:
    costs = Costs()
    costs.learn({"post": 500}, 8.0)
    for _ in range(3):
        costs.learn({"post": 2_000}, 1.0)

    foretold = costs.of({"post": 45_000})

    assert foretold is not None
    assert 45_000 / 2_000 < foretold < 4 * 45_000 / 2_000
