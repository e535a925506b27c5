"""The keys for a batch of records are had at once."""

from collections.abc import Collection
from typing import NamedTuple

from domain.events import Event
from domain.ids import AccountId
from streams.envelope import Codec
from streams.records import Headers, load_keys, record_of
from tests import facts
from tests.golden_events import GoldenKeyring


class Loading(GoldenKeyring):
    """A keyring that is asked for many keys at once."""

    def __init__(self) -> None:
        self.loaded: list[set[AccountId]] = []

    def load(self, person_ids: Collection[AccountId]) -> None:
        self.loaded.append(set(person_ids))


class Consumed(NamedTuple):
    key: bytes | None
    headers: Headers


def consumed(*events: Event) -> list[Consumed]:
    codec = Codec(GoldenKeyring())
    records = [record_of(event, event.event_id, codec) for event in events]
    return [Consumed(record.key, record.headers) for record in records]


def test_the_keys_of_a_batch_are_asked_for_once() -> None:
    keyring = Loading()

    load_keys(consumed(*(facts.tweet(name) for name in ("ada", "bob", "ada"))), Codec(keyring))

    assert keyring.loaded == [{facts.account("ada"), facts.account("bob")}]


def test_no_key_is_asked_for_where_nothing_is_sealed() -> None:
    keyring = Loading()

    load_keys(consumed(facts.liked("bob", facts.tweet("ada"))), Codec(keyring))

    assert keyring.loaded == []


def test_a_record_without_an_account_for_a_key_holds_up_nobody() -> None:
    keyring = Loading()
    (record,) = consumed(facts.tweet("ada"))
    strange = [record._replace(key=key) for key in (None, b"", b"x", b"-1", b"9" * 19, b"9" * 40)]

    load_keys([*strange, record], Codec(keyring))

    assert keyring.loaded == [{facts.account("ada")}]


def test_a_keyring_of_this_process_needs_no_loading() -> None:
    load_keys(consumed(facts.tweet("ada")), Codec(GoldenKeyring()))
