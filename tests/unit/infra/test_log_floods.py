"""An outage of an hour is no hour of the same line."""

import logging

from infra.log_floods import KINDS_MAX, SPAN_S, TOLD_MAX, Floods
from tests.clock import Clock


def record(said: str, logger: str = "aiokafka.consumer.fetcher") -> logging.LogRecord:
    return logging.makeLogRecord({"name": logger, "levelno": logging.ERROR, "msg": said})


def test_the_first_ones_of_a_span_are_told_and_then_how_many_were_not() -> None:
    clock = Clock()
    floods = Floods(clock)
    told = [floods.filter(record(f"Node 1 is away for {n} ms")) for n in range(100)]
    clock.now += SPAN_S
    later = record("Node 1 is away for 9000 ms")

    assert sum(told) == TOLD_MAX
    assert told[:TOLD_MAX] == [True] * TOLD_MAX
    assert floods.filter(later)
    assert vars(later)["left_out"] == 100 - TOLD_MAX
    assert "left_out" not in vars(record("Node 1 is away"))


def test_other_news_and_what_we_say_ourselves_is_told() -> None:
    floods = Floods(Clock())
    for _ in range(TOLD_MAX + 1):
        floods.filter(record("Node 1 is away"))

    assert floods.filter(record("Node 1 is fenced"))
    assert floods.filter(record("Node 1 is away", "cassandra.cluster"))
    ours = [floods.filter(record("Waiting", "starling")) for _ in range(TOLD_MAX + 1)]
    assert all(ours)


def test_what_comes_seldom_says_nothing_of_what_was_left_out() -> None:
    clock = Clock()
    floods = Floods(clock)
    for _ in range(3):
        seldom = record("Node 1 is away")
        assert floods.filter(seldom)
        assert "left_out" not in vars(seldom)
        clock.now += SPAN_S


def test_it_remembers_no_more_than_so_many_kinds() -> None:
    floods = Floods(Clock())
    for n in range(3 * KINDS_MAX):
        floods.filter(record("kind " + "x" * n))

    assert len(floods._kinds) <= KINDS_MAX + 1  # noqa: SLF001 - what it would fill memory with
