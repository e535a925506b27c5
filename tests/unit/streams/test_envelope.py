"""Events as bytes: every version ever written decodes for ever; everything else is refused."""

from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unavailable
from domain.events import TYPES, Event, Fact, Recorded, TweetPosted
from domain.ids import AccountId
from infra.sqlite.connections import connect
from infra.sqlite.keyring import SqliteKeyring
from streams.envelope import (
    UPCASTERS,
    Codec,
    Erased,
    Origin,
    UnknownEventType,
    UnreadableEvent,
    names_of,
)
from tests import golden_events
from tests.golden_events import EXAMPLES, GoldenKeyring, describe, golden
from tests.histories import histories

FILES = list(golden_events.files())
CODEC = Codec(GoldenKeyring())
TWEET = EXAMPLES[0]


class FailingKeyring(GoldenKeyring):
    """Fails to open in one way."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        raise self._failure


def test_every_version_of_every_event_has_a_golden_file() -> None:
    assert {golden_events.read(path).name for path in FILES} == {
        name for event in TYPES.values() for name in names_of(event)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_decodes_for_ever(path: Path) -> None:
    kept = golden_events.read(path)

    event, origin = CODEC.decode_with_origin(*kept.stored)

    gained = set(event.__struct_fields__) - kept.event.keys()
    defaults = {field.name: field.default for field in msgspec.structs.fields(event)}
    assert path.stem.startswith(kept.name)
    assert {name: getattr(event, name) for name in gained} == {n: defaults[n] for n in gained}
    told = describe(event, origin, kept.stored)
    for name in gained:
        del told.event[name]
    assert told == kept


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TYPE)
def test_an_event_is_stored_as_its_golden_file_says(event: Event) -> None:
    """If this fails after a change, a field with a default needs one more golden file, and every
    other change a new schema version and an upcaster."""
    assert golden(event) in [golden_events.read(path) for path in FILES]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TYPE)
def test_an_example_gives_every_field_a_value_of_its_own(event: Event) -> None:
    defaults = {
        field.name: field.default
        for field in msgspec.structs.fields(event)
        if field.default is not msgspec.NODEFAULT
    }

    assert [name for name, value in defaults.items() if getattr(event, name) == value] == []


def test_every_step_from_an_older_version_has_its_upcaster() -> None:
    assert set(UPCASTERS) == {
        (event.TYPE, schema) for event in TYPES.values() for schema in range(1, event.SCHEMA)
    }


def test_golden_events_open_with_the_embedded_keyring(tmp_path: Path) -> None:
    people = {event.person_id for event in EXAMPLES}
    SqliteKeyring(tmp_path / "keys.db").close()
    database = connect(tmp_path / "keys.db")
    database.executemany(
        "INSERT INTO keys VALUES (?, ?)",
        [(person_id, GoldenKeyring().key_of(person_id)) for person_id in people],
    )
    database.close()
    keyring = SqliteKeyring(tmp_path / "keys.db")

    decoded = [Codec(keyring).decode(*golden_events.read(path).stored) for path in FILES]

    keyring.close()
    assert [event for event in EXAMPLES if event not in decoded] == []


def test_words_are_sealed() -> None:
    _, state = CODEC.encode(TWEET)

    assert isinstance(TWEET, TweetPosted)
    assert TWEET.personal is not None
    for words in (TWEET.personal.text, "example.com", "nobody", "天气"):
        assert words.encode() not in state


def test_of_an_erased_person_everything_but_the_words_stays() -> None:
    stored = CODEC.encode(TWEET)

    event = Codec(FailingKeyring(Erased())).decode(*stored)

    assert event == msgspec.structs.replace(TWEET, personal=None)


def test_a_key_that_cannot_be_had_is_no_erasure() -> None:
    stored = CODEC.encode(TWEET)

    with pytest.raises(Unavailable):
        Codec(FailingKeyring(Unavailable())).decode(*stored)


def test_what_another_key_sealed_is_unreadable() -> None:
    stored = CODEC.encode(TWEET)

    with pytest.raises(UnreadableEvent):
        Codec(FailingKeyring(ValueError("not sealed with this key"))).decode(*stored)


@pytest.mark.parametrize(
    "name",
    [
        "tweet.pondered.v1",
        "tweet.posted.v2",
        "tweet.posted.v0",
        "tweet.posted.v01",
        "tweet.posted.v\u0661",
        "tweet.posted.v999999999999999999999",
        "tweet.posted",
        ".v1",
        "",
        "domain.events.posts:TweetPosted",
    ],
)
@pytest.mark.parametrize("state", [CODEC.encode(TWEET).state, b"of a format to come"])
def test_a_name_that_this_program_does_not_have_is_unknown(name: str, state: bytes) -> None:
    with pytest.raises(UnknownEventType):
        CODEC.decode(name, state)


@given(st.sampled_from(EXAMPLES), st.binary(max_size=60))
def test_garbage_is_unreadable(event: Event, garbage: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        CODEC.decode(f"{event.TYPE}.v{event.SCHEMA}", garbage)


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_flipped_bit_gives_an_event_or_is_unreadable(event: Event, data: st.DataObject) -> None:
    name, state = CODEC.encode(event)
    at = data.draw(st.integers(0, len(state) * 8 - 1))
    flipped = bytearray(state)
    flipped[at // 8] ^= 1 << at % 8

    try:
        decoded = CODEC.decode(name, bytes(flipped))
    except UnreadableEvent:
        return

    assert type(decoded) is type(event)


@given(histories(max_steps=30))
def test_every_history_survives_its_storage(history: list[Recorded]) -> None:
    for event in (recorded.event for recorded in history):
        assert CODEC.decode(*CODEC.encode(event)) == event


def test_a_field_of_a_version_to_come_is_passed_over() -> None:
    name, state = CODEC.encode(TWEET, Origin(correlation_id="c"))
    public, sealed, origin = msgspec.msgpack.decode(state)
    later = msgspec.msgpack.encode([public | {"mood": "good"}, sealed, origin | {"via": "x"}, 7])

    assert CODEC.decode_with_origin(name, later) == (TWEET, Origin(correlation_id="c"))


class Noted(Fact, frozen=True, kw_only=True):
    """An event with a past: v1 had `note`; v2 called it `words`; v3 has `language` too."""

    TYPE: ClassVar[str] = "test.noted"
    SCHEMA: ClassVar[int] = 3
    TOPIC: ClassVar[str] = "user_events"

    words: str
    language: str


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    words = fields.pop("note")
    return fields | {"words": words}


def _with_language(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"language": "und"}


PAST = Codec(
    GoldenKeyring(),
    types={Noted.TYPE: Noted},
    upcasters={("test.noted", 1): _renamed, ("test.noted", 2): _with_language},
)


@pytest.mark.parametrize(
    ("name", "fields", "noted"),
    [
        ("test.noted.v1", {"note": "hello"}, ("hello", "und")),
        ("test.noted.v2", {"words": "hello"}, ("hello", "und")),
        ("test.noted.v3", {"words": "hello", "language": "en"}, ("hello", "en")),
    ],
)
def test_older_versions_are_brought_up_to_todays_step_by_step(
    name: str, fields: dict[str, str], noted: tuple[str, str]
) -> None:
    public = {"event_id": 7, "actor_id": 1} | fields

    event = PAST.decode(name, msgspec.msgpack.encode([public, None, {}]))

    assert isinstance(event, Noted)
    assert (event.event_id, event.words, event.language) == (7, *noted)


def test_an_older_version_that_lacks_its_fields_is_unreadable() -> None:
    state = msgspec.msgpack.encode([{"event_id": 7, "actor_id": 1}, None, {}])

    with pytest.raises(UnreadableEvent):
        PAST.decode("test.noted.v1", state)


def test_a_version_to_come_is_unknown() -> None:
    with pytest.raises(UnknownEventType):
        PAST.decode("test.noted.v4", b"")


def test_todays_version_is_stored_under_its_name() -> None:
    noted = Noted(event_id=EXAMPLES[0].event_id, actor_id=AccountId(1), words="a", language="en")

    stored = PAST.encode(noted)

    assert stored.name == "test.noted.v3"
    assert PAST.decode(*stored) == noted
