"""Which events Cassandra decides on, and how what is kept of them becomes a record."""

from domain.topics import Place
from infra.cassandra.kept import Entry, Kept, is_register, pack, unpack_entry, vector_of
from streams.envelope import Codec
from streams.records import record_of
from tests.golden_events import EXAMPLES, GoldenKeyring

CODEC = Codec(GoldenKeyring())


def kept(stream: str, version: int, event_id: int) -> Kept:
    return Kept(stream, version, event_id, 7, "user_events", 7, "name", b"state")


def test_registers_are_what_is_published_and_streams_what_is_appended() -> None:
    assert {event.stream for event in EXAMPLES if is_register(event.stream)} == {
        event.stream for event in EXAMPLES if not event.APPENDED
    }


def test_what_is_kept_gives_the_same_record_as_the_event() -> None:
    for event in EXAMPLES:
        name, state = CODEC.encode(event)
        one = Kept(
            event.stream, 3, event.event_id, event.person_id, event.TOPIC, event.key, name, state
        )

        assert one.record == record_of(event, 3, CODEC)


def test_an_entry_survives_being_packed() -> None:
    entry = Entry((kept("handle/x", 1, 1), kept("account/7", 1, 2)), appended=True)

    assert unpack_entry(pack(entry)) == entry


def test_the_first_stream_decides_and_the_others_follow() -> None:
    first, second, other = kept("a", 1, 1), kept("a", 2, 2), kept("b", 1, 3)

    entry = Entry((first, second, other), appended=True)

    assert entry.deciding == (first, second)
    assert entry.following == (other,)


def test_a_vector_names_the_stream_of_what_is_not_published_yet() -> None:
    events = [kept("a", 4, 1), kept("a", 5, 2), kept("b", 1, 3)]
    placed = {3: (Place("user_events", 2), 9)}

    assert vector_of(events, placed) == {"stream:a": 5, "user_events/2": 10}
