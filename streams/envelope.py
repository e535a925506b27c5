"""Events as bytes: named, versioned, sealed per person; decoded through an allow-list for ever.

A stored event is (name, state): the name is "TYPE.vSCHEMA"; the state is a msgpack array of the
public fields, the sealed personal field (or nil) and where the event came from (`Origin`).
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol, get_args, get_type_hints, runtime_checkable

import msgspec

from domain.events import TYPES, Event
from domain.ids import AccountId

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

# (TYPE, schema) -> the public fields of the next schema. Golden files hold every version.
UPCASTERS: Final[dict[tuple[str, int], Upcaster]] = {}


class UnreadableEvent(Exception):
    """Bytes that are no event of ours: parked, never retried."""


class UnknownEventType(Exception):
    """An event newer than this program: the projection pauses until it is deployed."""


class Erased(Exception):
    """The person's key was destroyed: the personal field is gone for ever."""


class Keyring(Protocol):
    """A key per person. Any failure but erasure raises Unavailable and is retried."""

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        """Encrypt under the person's key, which is durable before this returns."""

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        """Decrypt. Raises Erased."""


@runtime_checkable
class Loading(Protocol):
    """A keyring that is asked for many keys at once far faster than for one after the other."""

    def load(self, person_ids: Collection[AccountId]) -> None:
        """Have these keys at hand for `open`, those that there are. Raises Unavailable."""


class NotAtHand(Exception):
    """The person's key would have to be waited for."""


@runtime_checkable
class Remembering(Keyring, Protocol):
    """A keyring that asks others for keys, and has those in memory that it was asked for before."""

    def open_at_hand(self, person_id: AccountId, sealed: bytes) -> bytes:
        """As `Keyring.open`, at once. Raises Erased, NotAtHand."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which request caused the event, for following one through the house."""

    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


NO_ORIGIN: Final = Origin()


class Encoded(NamedTuple):
    """A stored event."""

    name: str
    state: bytes


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    public: msgspec.Raw
    sealed: bytes | None
    origin: Origin


class _Type(NamedTuple):
    event: type[Event]
    name: str
    public: msgspec.msgpack.Decoder[Event]
    personal: msgspec.msgpack.Decoder[Any] | None


def _type_of(event: type[Event]) -> _Type:
    hint = get_type_hints(event).get("personal")
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    personal = msgspec.msgpack.Decoder(kinds[0]) if kinds else None
    name = f"{event.TYPE}.v{event.SCHEMA}"
    return _Type(event, name, msgspec.msgpack.Decoder(event), personal)


_encoder: Final = msgspec.msgpack.Encoder()
_SCHEMA: Final = re.compile("[1-9][0-9]{0,5}")
# What comes of reading bytes that are none of ours; an upcaster may miss fields, a key overflow.
_GARBAGE: Final = (msgspec.MsgspecError, ValueError, LookupError, OverflowError)
_stored: Final = msgspec.msgpack.Decoder(_Stored)


class _AtHand(NamedTuple):
    """Implements Keyring over the keys in memory."""

    keyring: Remembering

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        return self.keyring.seal(person_id, clear)

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        return self.keyring.open_at_hand(person_id, sealed)


def names_of(event: type[Event]) -> list[str]:
    """Every name under which events of this type may be stored, of any schema so far."""
    return [f"{event.TYPE}.v{schema}" for schema in range(1, event.SCHEMA + 1)]


class Codec:
    """Encodes and decodes events with a keyring."""

    def __init__(
        self,
        keyring: Keyring,
        *,
        types: Mapping[str, type[Event]] = TYPES,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    ) -> None:
        self.keyring = keyring
        self._upcasters = upcasters
        self._by_type = {event: _type_of(event) for event in types.values()}
        self._by_name = {kind.name: kind for kind in self._by_type.values()}
        self._types = types
        self._loading = keyring if isinstance(keyring, Loading) else None
        self._sealed = frozenset(
            name
            for kind in self._by_type.values()
            if kind.personal is not None
            for name in names_of(kind.event)
        )

    def encode(self, event: Event, origin: Origin = NO_ORIGIN) -> Encoded:
        """The event as it is stored. Raises Unavailable if the person's key cannot be had."""
        kind = self._by_type[type(event)]
        sealed = None
        personal = getattr(event, "personal", None) if kind.personal else None
        if personal is not None:
            sealed = self.keyring.seal(event.person_id, _encoder.encode(personal))
            event = msgspec.structs.replace(event, personal=None)
        public = msgspec.Raw(_encoder.encode(event))
        return Encoded(kind.name, _encoder.encode(_Stored(public, sealed, origin)))

    def decode(self, name: str, state: bytes) -> Event:
        """The event; its personal field is None if the person was erased.

        Raises UnknownEventType, UnreadableEvent, Unavailable.
        """
        return self.decode_with_origin(name, state)[0]

    def decode_with_origin(self, name: str, state: bytes) -> tuple[Event, Origin]:
        """The event and which request caused it. Raises as `decode`."""
        kind, schema = self._kind_of(name)
        try:
            stored = _stored.decode(state)
            event = self._public_event(kind, schema, stored.public)
            if stored.sealed is None or kind.personal is None:
                return event, stored.origin
            try:
                clear = self.keyring.open(event.person_id, stored.sealed)
            except Erased:
                return event, stored.origin
            personal = kind.personal.decode(clear)
        except _GARBAGE as error:
            raise UnreadableEvent(f"{name}: {error}") from error
        return msgspec.structs.replace(event, personal=personal), stored.origin

    def load(self, stored: Iterable[tuple[str, AccountId]]) -> None:
        """Have the keys at hand for decoding stored events, each told by its name and whose it
        most likely is: one question to the keyring instead of one for each person. Raises
        Unavailable, which `decode` would do for those who are concerned."""
        if self._loading is not None:
            persons = {person_id for name, person_id in stored if name in self._sealed}
            if persons:
                self._loading.load(persons)

    def without_waiting(self) -> "Codec":
        """One that raises NotAtHand where this one would wait for a person's key."""
        if not isinstance(self.keyring, Remembering):
            return self
        return Codec(_AtHand(self.keyring), types=self._types, upcasters=self._upcasters)

    def _kind_of(self, name: str) -> tuple[_Type, int]:
        """The type and the schema. Raises UnknownEventType where this program does not have it."""
        kind = self._by_name.get(name)
        if kind is not None:
            return kind, kind.event.SCHEMA
        type_name, _, schema = name.rpartition(".v")
        event = self._types.get(type_name)
        if event is None or not _SCHEMA.fullmatch(schema) or int(schema) > event.SCHEMA:
            raise UnknownEventType(name)
        return self._by_type[event], int(schema)

    def _public_event(self, kind: _Type, schema: int, public: msgspec.Raw) -> Event:
        """The event but for `personal`; an older schema is brought up to today's in steps."""
        event = kind.event
        if schema == event.SCHEMA:
            return kind.public.decode(public)
        fields: dict[str, Any] = msgspec.msgpack.decode(public, type=dict[str, Any])
        for step in range(schema, event.SCHEMA):
            fields = self._upcasters[event.TYPE, step](fields)
        return msgspec.convert(fields, event)
