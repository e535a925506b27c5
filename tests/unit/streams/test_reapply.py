"""Which part of a log is applied again, and to a store that goes on meanwhile."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from domain.events import AccountClosed, Event, Recorded, TweetPosted
from domain.ids import millis_of
from projections.projection import Projection
from streams.answers.comparing import encoded, ids_that_differ
from streams.answers.concerned import Concerned, Part
from streams.answers.keys import Key
from streams.reapply import Looked, Selected, StoreSink, events_at, reapply
from streams.rebuild import Foretelling, Rebuilt
from tests import facts

PARTITION = 0


class Log:
    """A feed in memory."""

    partitions = (PARTITION,)

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = facts.recorded(events)

    def head(self, partition: int) -> int:
        return len(self.events)

    async def wait(self, partition: int, after: int) -> None:
        raise NotImplementedError

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Recorded]:
        return self.events[after : after + limit]

    async def read_types(
        self, partition: int, after: int, until: int, types: Collection[type[Event]]
    ) -> Sequence[Recorded]:
        return [one for one in self.events[after:until] if type(one.event) in types]


class Store:
    """Notes what it is given; `broken` is what it cannot take."""

    def __init__(self, position: int, broken: object = None) -> None:
        self.position = position
        self.taken: list[Any] = []
        self._broken = broken

    async def apply(self, operations: Sequence[Any], checkpoint: Mapping[int, int]) -> None:
        if self._broken in operations:
            raise ValueError("broken")
        self.taken += operations
        self.position = max(self.position, *checkpoint.values())

    async def checkpoint(self) -> Mapping[int, int]:
        return {PARTITION: self.position}


def projection(*events: type[Event]) -> Projection:
    """It has the questions of the author timelines; its operations are event ids."""
    return Projection(
        name="author_timelines",
        version=1,
        events=frozenset(events),
        project=lambda batch: [one.event.event_id for one in batch],
    )


def concerned(events: Sequence[Event], part: Part) -> list[Event]:
    found = Concerned(part, ["account", "post"])
    for event in events:
        found.look(event)
    return [one.event for one in facts.recorded(events) if found.takes(one)]


def test_an_account_is_concerned_by_what_names_it_and_what_became_of_its_posts() -> None:
    mine, other = facts.tweet("ada"), facts.tweet("bob", "for @ada")
    liked, deleted = facts.liked("cleo", mine), facts.deleted(mine)
    elsewhere = facts.tweet("cleo"), facts.liked("bob", other)
    events = [facts.opened("ada"), mine, other, liked, *elsewhere, deleted]

    found = concerned(events, Part(keys=frozenset({Key("account", facts.account("ada"))})))

    assert found == [events[0], mine, other, liked, events[5], deleted]


def test_an_id_is_of_an_event_of_a_post_or_of_an_account() -> None:
    tweet, other = facts.tweet("ada"), facts.tweet("ada")
    closed = AccountClosed(event_id=facts.event_id(), actor_id=facts.account("bob"))
    events = [facts.opened("bob"), tweet, other, facts.liked("bob", tweet), closed]

    found = concerned(events, Part(ids={tweet.post_id, facts.account("bob")}))

    assert found == [events[0], tweet, events[3], closed]


def test_a_part_is_of_some_time_and_of_some_partitions() -> None:
    first, second, third = (facts.tweet("ada") for _ in range(3))
    at_ms, until_ms = (millis_of(one.event_id) for one in (second, third))

    of_time = concerned([first, second, third], Part(since_ms=at_ms, until_ms=until_ms))
    elsewhere = concerned([first, second], Part(partitions=frozenset({7})))

    assert (of_time, elsewhere) == ([second], [])


def test_ids_that_differ_are_those_that_only_one_side_has() -> None:
    one, other, both = (facts.event_id() for _ in range(3))
    view = encoded({"list": [[one, 3], [both, 1]], "count": 2, "card": {"id": str(other)}})
    log = encoded({"list": [[both, 1]], "count": 1, "card": None})

    assert ids_that_differ(view, log) == {one, other}


async def test_a_part_is_applied_again_and_the_checkpoint_stays() -> None:
    log = Log([facts.tweet(name) for name in ("ada", "bob", "ada", "bob", "ada")])
    store, tweets = Store(4), projection(TweetPosted)
    part = Part(keys=frozenset({Key("account", facts.account("ada"))}))
    looked: list[Looked] = []

    selected = Selected(tweets, log, {PARTITION: 5}, part, looked.append)
    taken = await reapply(selected, StoreSink(tweets, store, stalled=unexpected))

    # The fifth comes by itself.
    assert store.taken == [log.events[place].event.event_id for place in (0, 2)]
    assert (taken, store.position) == ((2, []), 4)
    assert looked[-1][:2] == (10, 10)
    assert {key.id for key in selected.known.keys("account")} == {facts.account("ada")}


async def test_what_cannot_be_applied_is_told_and_the_rest_is_applied() -> None:
    log = Log([facts.tweet(name) for name in ("ada", "bob", "cleo")])
    tweets = projection(TweetPosted)
    store = Store(3, broken=log.events[1].event.event_id)

    selected = Selected(tweets, log, {PARTITION: 3}, Part(), lambda _: None)
    taken = await reapply(selected, StoreSink(tweets, store, stalled=unexpected), per_s_max=1e6)

    assert taken.applied == 2
    assert [(one.position, one.error) for one in taken.failed] == [(2, "ValueError: broken")]
    assert store.taken == [log.events[place].event.event_id for place in (0, 2)]


async def test_events_are_found_at_their_positions() -> None:
    log = Log([facts.tweet("ada") for _ in range(9)])

    found = await events_at(log, PARTITION, [1, 2, 3, 6, 9])

    assert [one.position for one in found] == [1, 2, 3, 6, 9]


@pytest.mark.parametrize(
    ("reports", "error"),
    [
        ([], None),
        ([Rebuilt(0, 100, 0, 0.0), Rebuilt(100, 100, 0, 9.0)], None),
        # After a fifth in two seconds eight more were foretold; it took six.
        ([Rebuilt(20, 100, 0, 2.0), Rebuilt(90, 100, 0, 3.0), Rebuilt(100, 100, 0, 8.0)], 0.25),
        # Too early to say anything, then five of ten.
        ([Rebuilt(31, 130, 30, 9.0), Rebuilt(80, 130, 30, 5.0), Rebuilt(130, 130, 30, 20.0)], -0.5),
    ],
)
def test_the_first_estimate_is_held_against_what_it_took(
    reports: Sequence[Rebuilt], error: float | None
) -> None:
    foretelling = Foretelling()
    for one in reports:
        foretelling.note(one)

    assert foretelling.error == (None if error is None else pytest.approx(error))


def unexpected(_name: str, error: Exception) -> None:
    raise AssertionError from error
