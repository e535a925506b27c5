"""Events as records of a topic: the CloudEvents 1.0 Kafka binding, in binary mode.

The value is the state of the stored event (`streams.envelope`), the key the account that orders
it, in decimal. Attributes are headers: `ce_type` is the stored name "TYPE.vSCHEMA", `ce_id` the
event id, `ce_subject` the stream or register, `ce_time` when it happened; our extension
`ce_streamversion` is the version (`domain.events.Recorded.version`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from domain.events import Event, Recorded
from domain.ids import ID_MAX, AccountId, millis_of, rfc3339
from domain.topics import Place
from streams.envelope import (
    NO_ORIGIN,
    Codec,
    Origin,
    UnknownEventType,
    UnreadableEvent,
)
from streams.feed import Fed, Unreadable

SPEC_VERSION: Final = b"1.0"
SOURCE: Final = b"starling"
CONTENT_TYPE: Final = b"application/msgpack"

# What may be an id of ours; a record is anybody's.
_ACCOUNT: Final = re.compile(rb"[0-9]{1,19}")

Headers = Sequence[tuple[str, bytes]]


class Record(NamedTuple):
    """What is produced for one event; the topic is the event's own."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def record_of(event: Event, version: int, codec: Codec, origin: Origin = NO_ORIGIN) -> Record:
    """The event as a record. Raises Unavailable if the person's key cannot be had."""
    name, state = codec.encode(event, origin)
    return record_of_stored(event, version, name, state)


def record_of_stored(event: Event, version: int, name: str, state: bytes) -> Record:
    """The record of an event that is encoded already."""
    return record_from(
        event.TOPIC,
        event.key,
        event_id=event.event_id,
        subject=event.stream,
        version=version,
        name=name,
        state=state,
    )


def record_from(
    topic: str, key: int, *, event_id: int, subject: str, version: int, name: str, state: bytes
) -> Record:
    """The record of an event that nobody decoded: what is sealed in it stays so."""
    headers = (
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", b"%d" % event_id),
        ("ce_source", SOURCE),
        ("ce_type", name.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", rfc3339(millis_of(event_id)).encode()),
        ("ce_streamversion", b"%d" % version),
        ("content-type", CONTENT_TYPE),
    )
    return Record(topic, b"%d" % key, state, headers)


class Keyed(Protocol):
    """A record as a client of Kafka hands it out."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


def load_keys(records: Iterable[Keyed], codec: Codec) -> None:
    """Have the keys at hand for decoding all of them (`fed_of`): who orders an event is most often
    whose it is. What is missing all the same is looked up event by event. Raises Unavailable."""
    codec.load(
        (said.decode("utf-8", "replace"), AccountId(int(record.key)))
        for record in records
        if record.key and _ACCOUNT.fullmatch(record.key) and int(record.key) <= ID_MAX
        for name, said in record.headers
        if name == "ce_type"
    )


def fed_of(place: Place, offset: int, headers: Headers, value: bytes | None, codec: Codec) -> Fed:
    """What a record holds; its position is the offset + 1, so that 0 is before the first.

    Raises Unavailable if a person's key cannot be had.
    """
    number, position, state = place.number, offset + 1, value or b""
    said: Mapping[str, bytes] = dict(headers)
    name = said.get("ce_type", b"").decode("utf-8", "replace")
    try:
        version = int(said["ce_streamversion"])
        return Recorded(codec.decode(name, state), version, position, number)
    except UnknownEventType as error:
        return Unreadable(position, name, state, str(error), unknown_type=True, partition=number)
    except (UnreadableEvent, LookupError, ValueError) as error:
        return Unreadable(position, name, state, str(error), unknown_type=False, partition=number)
