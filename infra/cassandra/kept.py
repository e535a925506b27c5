"""Events as the log keeps them: encoded once, so that whoever produces one, the handler, the relay
or a retry with an Idempotency-Key, produces the same bytes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import msgspec

from commands.ports import Append
from domain.events import Event, Recorded
from domain.ids import AccountId
from domain.positions import Vector, merge
from domain.topics import Place
from streams.envelope import Codec, Origin
from streams.records import Record, record_from

# Published registers that no decision asks for, so that nobody indexes them.
UNINDEXED: Final = frozenset({"impression", "audit"})
REGISTERS: Final = UNINDEXED | {
    "bookmark",
    "like",
    "notifications-read",
    "post",
    "report",
    "repost",
}


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A stored event with all that its record says. `stream` may be a register; `person_id` is
    whose key seals what is personal."""

    stream: str
    version: int
    event_id: int
    person_id: int
    topic: str
    key: int
    name: str
    state: bytes

    @property
    def record(self) -> Record:
        """What is produced for it."""
        return record_from(
            self.topic,
            self.key,
            event_id=self.event_id,
            subject=self.stream,
            version=self.version,
            name=self.name,
            state=self.state,
        )


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """All events of one command. If they are `appended`, those of the first one's stream come
    first and decide."""

    kept: tuple[Kept, ...]
    appended: bool

    @property
    def deciding(self) -> tuple[Kept, ...]:
        """The events of the stream that decides."""
        return tuple(one for one in self.kept if one.stream == self.kept[0].stream)

    @property
    def following(self) -> tuple[Kept, ...]:
        """The events of the other streams."""
        return tuple(one for one in self.kept if one.stream != self.kept[0].stream)


# Where each event of a command is in its topic: (place, offset), by event id.
Placed = Mapping[int, tuple[Place, int]]

pack: Final = msgspec.msgpack.Encoder().encode
unpack_entry: Final = msgspec.msgpack.Decoder(Entry).decode
unpack_kept: Final = msgspec.msgpack.Decoder(tuple[Kept, ...]).decode


def kind_of(stream: str) -> str:
    """What a stream or register is about: "like" of "like/1/2"."""
    return stream.partition("/")[0]


def is_register(stream: str) -> bool:
    """Whether events are published into it; otherwise they are appended."""
    return kind_of(stream) in REGISTERS


def vector_of(kept: Sequence[Kept], placed: Placed) -> Vector:
    """The vector that covers the events; those that are not published are named by stream."""
    return merge(_position_of(one, placed) for one in kept)


def _position_of(one: Kept, placed: Placed) -> Vector:
    where = placed.get(one.event_id)
    if where is None:
        return {f"stream:{one.stream}": one.version}
    place, offset = where
    return {place.name: offset + 1}


@runtime_checkable
class Preparing(Protocol):
    """A keyring that can fetch or make keys without holding up the event loop."""

    async def prepare(self, person_ids: Collection[AccountId]) -> None:
        """Have the keys at hand for the next `seal`, new ones where there are none. Raises
        Unavailable."""

    async def fetch(self, person_ids: Collection[AccountId]) -> None:
        """Have the keys at hand for the next `open`, those that there are. Raises Unavailable."""


class Encoding:
    """Events to what is kept of them, and back, without blocking where the keyring can help it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.keyring = codec.keyring
        # Asked once: to compare with a protocol costs as much as to seal.
        self._preparing = self.keyring if isinstance(self.keyring, Preparing) else None

    async def prepare(self, person_ids: Collection[AccountId]) -> None:
        """Have keys at hand to seal with. Raises Unavailable."""
        if self._preparing is not None:
            await self._preparing.prepare(person_ids)

    async def fetch(self, person_ids: Collection[AccountId]) -> None:
        """Have keys at hand to open with; none is made. Raises Unavailable."""
        if self._preparing is not None:
            await self._preparing.fetch(person_ids)

    async def published(self, events: Sequence[Event], origin: Origin) -> Entry:
        """Events on their registers. Raises Unavailable."""
        await self.prepare({event.person_id for event in events})
        kept = tuple(self._kept(event.stream, event.event_id, event, origin) for event in events)
        return Entry(kept, appended=False)

    async def appended(self, appends: Sequence[Append], origin: Origin) -> Entry:
        """Events on their streams. Raises Unavailable."""
        await self.prepare({event.person_id for append in appends for event in append.events})
        kept = tuple(
            self._kept(append.stream, append.expected_version + n, event, origin)
            for append in appends
            for n, event in enumerate(append.events, start=1)
        )
        return Entry(kept, appended=True)

    async def recorded(self, kept: Sequence[Kept]) -> list[Recorded]:
        """What was kept as events again, without positions. Raises Unavailable."""
        await self.fetch({AccountId(one.person_id) for one in kept})
        return [
            Recorded(self._codec.decode(one.name, one.state), one.version, position=0)
            for one in kept
        ]

    def _kept(self, stream: str, version: int, event: Event, origin: Origin) -> Kept:
        name, state = self._codec.encode(event, origin)
        return Kept(
            stream,
            version,
            event.event_id,
            event.person_id,
            event.TOPIC,
            event.key,
            name,
            state,
        )
