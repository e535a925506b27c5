"""Where records are decoded: here if that waits for nobody and does not take long."""

import threading
from typing import Any, NamedTuple

import pytest
from faust.types import TP

from domain.events import Event, Recorded
from domain.ids import AccountId
from domain.topics import Place
from projections.post_cards import POST_CARDS
from streams.envelope import Codec, NotAtHand
from streams.faust.consumer import Fetched
from streams.faust.reading import AT_ONCE_MAX, Reading
from streams.records import record_of
from tests import facts
from tests.golden_events import GoldenKeyring

PLACE = TP("new_tweet", 0)
NUMBER = Place(*PLACE).number


class Keys(GoldenKeyring):
    """Has those of some people in memory, and notes in which threads it opened."""

    def __init__(self, *at_hand: str) -> None:
        self.at_hand = {facts.account(name) for name in at_hand}
        self.threads: list[threading.Thread] = []

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        self.threads.append(threading.current_thread())
        return super().open(person_id, sealed)

    def open_at_hand(self, person_id: AccountId, sealed: bytes) -> bytes:
        if person_id not in self.at_hand:
            raise NotAtHand
        return self.open(person_id, sealed)


class Record(NamedTuple):
    offset: int
    key: bytes
    value: bytes
    headers: Any


def fetched(*events: Event) -> list[Fetched]:
    found = [record_of(event, event.event_id, Codec(GoldenKeyring())) for event in events]
    records = [Record(n, one.key, one.value, one.headers) for n, one in enumerate(found)]
    return [Fetched(PLACE, records)]


@pytest.mark.parametrize(
    ("names", "is_here"),
    [(["ada"], True), (["ada", "bob"], False), (["ada"] * (AT_ONCE_MAX + 1), False)],
)
async def test_only_what_takes_time_is_decoded_elsewhere(names: list[str], is_here: bool) -> None:
    keys = Keys("ada")
    events = [facts.tweet(name) for name in names]

    fed = await Reading(POST_CARDS, Codec(keys), "").events(fetched(*events))

    assert [(one.position, one.partition) for one in fed] == [
        (n, NUMBER) for n in range(1, len(events) + 1)
    ]
    assert [one.event for one in fed if isinstance(one, Recorded)] == events
    assert (keys.threads[-1] is threading.current_thread()) == is_here


async def test_a_keyring_that_waits_for_nobody_opens_here() -> None:
    event = facts.tweet("ada")

    (fed,) = await Reading(POST_CARDS, Codec(GoldenKeyring()), "").events(fetched(event))

    assert fed == Recorded(event, event.event_id, 1, NUMBER)
