"""Appending: Cassandra decides, Kafka follows. Handlers, retries and the relay walk this one way.

1. An intent, so that a relay can finish what this process cannot.
2. One conditional batch in the first stream's partition, carrying all events of the command.
3. The events of the other streams; then all of them to their topics, in version order, n + 1 only
   after n is acknowledged, earlier ones that are missing there first.
4. Marks of what is published; the intent goes.
From the end of step 2 on the command is acknowledged, whatever happens to the rest.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import Enum, auto
from itertools import groupby
from typing import Final, Protocol

from commands.ports import VersionConflict
from domain.errors import Unavailable
from domain.topics import Place
from infra.cassandra import intents
from infra.cassandra.intents import Intents, Written
from infra.cassandra.kept import Entry, Kept, Placed
from infra.cassandra.streams import Streams
from projections.projection import StoreUnavailable
from streams.records import Record

ATTEMPTS_MAX: Final = 3
FENCES_KNOWN_MAX: Final = 4_096

log = logging.getLogger(__name__)


class Producer(Protocol):
    """What puts records into their topics, durably."""

    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        """Where each one is now: its partition and offset.

        Raises Unavailable: some of them may be there, or may yet come.
        """


class Outcome(Enum):
    """Of an attempt to decide."""

    WON = auto()
    LOST = auto()
    OPEN = auto()  # nobody did it, and this attempt no longer can


class Appending:
    """Decides commands on streams and publishes what was decided."""

    def __init__(self, streams: Streams, noted: Intents, producer: Producer) -> None:
        self._streams = streams
        self._intents = noted
        self._producer = producer
        # Only streams over which there was doubt have a fence.
        self._fences: OrderedDict[str, int] = OrderedDict()

    async def append(self, entry: Entry) -> tuple[Entry, Placed]:
        """Record a command, once, however often it is tried with the same events: its events as
        they stand, and where they are in their topics, without those that are not there yet.

        Raises VersionConflict: not recorded, and never will be. Raises Unavailable and
        StoreUnavailable: it may be recorded or not.
        """
        deciding = entry.deciding
        stream, expected = deciding[0].stream, deciding[0].version - 1
        for _ in range(ATTEMPTS_MAX):
            fence = self._fences.get(stream)
            writing = asyncio.create_task(self._intents.write(intents.appending(entry, fence)))
            marks = asyncio.create_task(self._published_upto(stream, expected))
            fitting = asyncio.create_task(self._fits(entry.following))
            # Whatever becomes of one, none of them is still under way afterwards.
            await asyncio.gather(writing, marks, fitting, return_exceptions=True)
            written, published, fits = writing.result(), marks.result(), fitting.result()
            outcome = await (self._try(entry, fence) if fits else self._give_up(entry, fence))
            if outcome is Outcome.WON:
                return await self._finish(entry, written, published)
            if outcome is Outcome.LOST:
                await self._forget(written)
                raise VersionConflict(stream)
        raise StoreUnavailable(f"{stream} could not be decided on")

    async def settle(self, written: Written) -> None:
        """Finish what another process left, if it was decided; see to it that it never will be
        otherwise. Raises Unavailable, StoreUnavailable: try again later."""
        intent = written.intent
        if intent.entry is not None:
            await self._producer.produce([one.record for one in intent.entry.kept])
        else:
            await self._settle_stream(intent)
        await self._intents.remove(written)

    async def publish_upto(self, rows: Sequence[Kept], published: int | None = None) -> Placed:
        """Have consecutive events of one stream in their topic, and all before them; where they
        are. `published` is the version up to which that was known to be so."""
        before = rows[0].version - 1
        if published is None or published < before:
            published = await self._streams.published_upto(rows[0].stream)
        if published < before:
            rows = await self._streams.rows(rows[0].stream, published + 1, rows[-1].version)
        there = [row for row in rows if row.version <= published]
        placed = dict(await self._streams.places(there))
        missing = [row for row in rows if row.version > published]
        for row in missing:
            (placed[row.event_id],) = await self._producer.produce([row.record])
        await self._streams.mark(missing, placed)
        return placed

    async def _try(self, entry: Entry, fence: int | None) -> Outcome:
        deciding = entry.deciding
        first = deciding[0]
        head = (first.version - 1) or None
        try:
            seen = await self._streams.decide(deciding, entry.following, head=head, fence=fence)
        except StoreUnavailable:
            return await self._give_up(entry, fence)
        if seen is None:
            return Outcome.WON
        self._remember(first.stream, seen.fence)
        if seen.head == head:
            return Outcome.OPEN
        return Outcome.LOST if (seen.head or 0) < (head or 0) else await self._found(first)

    async def _give_up(self, entry: Entry, fence: int | None) -> Outcome:
        """Nothing may come of this any more; unless it has already."""
        first = entry.kept[0]
        self._remember(first.stream, await self._streams.fence_off(first.stream, fence))
        outcome = await self._found(first)
        if outcome is Outcome.OPEN and not await self._fits(entry.following):
            return Outcome.LOST
        return outcome

    async def _found(self, first: Kept) -> Outcome:
        found = await self._streams.deciding(first.stream, first.version)
        if found is None:
            return Outcome.OPEN
        return Outcome.WON if found[0].event_id == first.event_id else Outcome.LOST

    async def _fits(self, following: Iterable[Kept]) -> bool:
        """Whether the streams that only follow stand as the command expects."""
        for stream, rows in groupby(following, key=lambda row: row.stream):
            if ((await self._streams.standing(stream)).head or 0) != next(rows).version - 1:
                return False
        return True

    async def _published_upto(self, stream: str, expected: int) -> int:
        return 0 if expected == 0 else await self._streams.published_upto(stream)

    async def _finish(self, entry: Entry, written: Written, published: int) -> tuple[Entry, Placed]:
        """The command is decided: nothing that fails here can change its answer."""
        kept: tuple[Kept, ...] = entry.kept
        placed: dict[int, tuple[Place, int]] = {}
        try:
            followed = await self._follow(entry.following)
            kept = (*entry.deciding, *(row for rows in followed for row in rows))
            placed.update(await self.publish_upto(entry.deciding, published))
            for rows in followed:
                # Of a stream that is new nothing can be in its topic yet.
                new = 0 if rows[0].version == 1 else None
                placed.update(await self.publish_upto(rows, new))
        except (Unavailable, StoreUnavailable) as error:
            log.warning("%s is left to the relay: %s", entry.kept[0].stream, error)
        else:
            await self._forget(written)
        return Entry(kept, appended=True), placed

    async def _follow(self, following: Iterable[Kept]) -> list[Sequence[Kept]]:
        return [
            await self._streams.follow(list(rows))
            for _, rows in groupby(following, key=lambda row: row.stream)
        ]

    async def _settle_stream(self, intent: intents.Intent) -> None:
        found = await self._streams.deciding(intent.stream, intent.version)
        if found is None:
            # A late writer may still be on its way.
            await self._streams.fence_off(intent.stream, intent.fence)
            found = await self._streams.deciding(intent.stream, intent.version)
        if found is None or found[0].event_id != intent.event_id:
            return
        followed = await self._follow(found[1])
        await self.publish_upto(
            await self._streams.rows(intent.stream, intent.version, intent.last)
        )
        for rows in followed:
            await self.publish_upto(rows)

    async def _forget(self, written: Written) -> None:
        """The relay does it otherwise."""
        with suppress(StoreUnavailable):
            await self._intents.remove(written)

    def _remember(self, stream: str, fence: int | None) -> None:
        if fence is None:
            return
        self._fences[stream] = fence
        self._fences.move_to_end(stream)
        if len(self._fences) > FENCES_KNOWN_MAX:
            self._fences.popitem(last=False)
