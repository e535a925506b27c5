"""From the records of topics to the events that a projection wants."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from faust.types import TP

from domain.events import TYPES
from domain.topics import Place
from projections.projection import Projection
from streams.envelope import Codec, NotAtHand, names_of
from streams.faust.consumer import Fetched
from streams.feed import Fed
from streams.records import fed_of, load_keys

# To hand over to another thread and back costs what so many take to decode; more would hold up
# everybody else.
AT_ONCE_MAX: Final = 50


class Reading:
    """What one projection reads; `prefix` stands before the names of topics."""

    def __init__(self, projection: Projection, codec: Codec, prefix: str) -> None:
        self.topics = tuple(sorted({f"{prefix}{event.TOPIC}" for event in projection.events}))
        self._codec = codec
        self._at_hand = codec.without_waiting()
        self._prefix = prefix
        self._wanted = frozenset(name.encode() for e in projection.events for name in names_of(e))
        self._known = frozenset(name.encode() for e in TYPES.values() for name in names_of(e))

    def place(self, tp: TP) -> Place:
        """The partition, whatever its topic is called here."""
        return Place(tp.topic.removeprefix(self._prefix), tp.partition)

    async def events(self, runs: Sequence[Fetched]) -> Sequence[Fed]:
        """What records hold, without the events that nobody wants here. Raises Unavailable if a
        person's key cannot be had."""
        wanted = [(tp, record) for tp, records in runs for record in records if self._wants(record)]
        if len(wanted) <= AT_ONCE_MAX:
            with suppress(NotAtHand):
                return self._decoded(wanted, self._at_hand)
        return await asyncio.to_thread(self._loaded, wanted)

    def _wants(self, record: Any) -> bool:
        """Whether it is to be looked at; what is of no known type has to be."""
        name = next((value for key, value in record.headers if key == "ce_type"), b"")
        return name in self._wanted or name not in self._known

    def _loaded(self, records: Sequence[tuple[TP, Any]]) -> Sequence[Fed]:
        load_keys((record for _, record in records), self._codec)
        return self._decoded(records, self._codec)

    def _decoded(self, records: Sequence[tuple[TP, Any]], codec: Codec) -> Sequence[Fed]:
        places = {tp: self.place(tp) for tp in {tp for tp, _ in records}}
        return [
            fed_of(places[tp], record.offset, record.headers, record.value, codec)
            for tp, record in records
        ]
