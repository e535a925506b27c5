"""A projection's worker of the cluster profile: takes what Faust fetches, in batches.

What happens to an event when ... has one answer each, the pipeline's (`streams/pipeline.py`). No
error acknowledges anything: what is no outage and no event's fault ends the worker, and the next
one begins at the sink's checkpoint.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from itertools import cycle
from time import monotonic
from typing import Any, Final

from faust.types import TP

from domain.errors import Unavailable
from projections.projection import Projection, SharedStore, Superseded
from streams.cancelling import heed_cancellation
from streams.dead_letters import DeadLetters
from streams.envelope import Codec
from streams.faust.app import ProjectionApp
from streams.faust.consumer import Fetched
from streams.faust.expected import Expected
from streams.faust.observer import Observer, Unobserved
from streams.faust.reading import Reading
from streams.feed import Lookup
from streams.pipeline import RETRY_FIRST_S, RETRY_MAX_S, Paused, Pipeline
from streams.runner import BATCH_MAX, GATHER_FROM, PAUSED_RETRY_S

# Chunks of records that wait for the sink; behind them the broker waits.
INBOX_MAX: Final = 16
# How often, at most, dead letters are settled and partitions that stand still are sought.
ROUND_S: Final = 1.0
SEEK_AFTER_ROUNDS: Final = 5
CONNECT_S: Final = 5.0
# How long a worker that is told to stop finishes the batch at hand.
FINISH_S: Final = 5.0

log = logging.getLogger(__name__)


class WorkerCrashed(Exception):
    """A bug, or the broker for good: the process ends, and another one may begin."""


class Worker:
    """One member of the group that fills a projection's store. `run` it once.

    `prefix` stands before the names of topics and groups. With a `lookup` it settles what was asked
    for about dead letters of its partitions. `waiting_since_ms` is when the oldest record at hand
    was written, `stalled_by` why it cannot be applied now.
    """

    def __init__(
        self,
        projection: Projection,
        store: SharedStore[Any],
        dead_letters: DeadLetters,
        codec: Codec,
        brokers: str,
        *,
        prefix: str = "",
        generation: int = 1,
        lookup: Lookup | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.projection = projection
        self.group = f"{prefix}{projection.name}-{projection.version}-{generation}"
        self.expected: Expected[TP] = Expected()
        self.inbox: asyncio.Queue[Fetched] = asyncio.Queue(INBOX_MAX)
        self.stalled_by: str | None = None
        self.applied: dict[int, int] = {}
        self.waiting_since_ms: int | None = None
        self._owned: frozenset[TP] | None = None
        self._brokers = brokers
        self._store = store
        self._lookup = lookup
        self._observer = observer or Unobserved()
        self._pipeline = Pipeline(
            projection, store, dead_letters, stalled=self._stalled, generation=generation
        )
        self.build = self._pipeline.build
        self._reading = Reading(projection, codec, prefix)
        self._place = self._reading.place
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False
        self._app = ProjectionApp(self.group, brokers, self)
        self._app.follow(self._reading.topics, self._follow)

    async def run(self) -> None:
        """Take what comes until it is cancelled. Raises WorkerCrashed."""
        await self._broker()
        app = self._app
        try:
            await app.start()
            heed_cancellation()
            # Not `wait_until_stopped`: cancelled, it leaves a task behind that waits for a crash.
            await app.wait_first()
        finally:
            await self._finish()
            await app.stop()
        reason = app.crash_reason
        raise WorkerCrashed(f"{self.group}: {reason!r}") from reason

    @property
    def heads(self) -> Mapping[int, int]:
        """How far each partition that it reads is written, as far as it was told."""
        return {self._place(tp).number: self._app.reader.highwater(tp) for tp in self._owned or ()}

    @property
    def positions(self) -> Mapping[int, int]:
        """How far each partition that it reads is applied."""
        return {number: self.applied.get(number, 0) for number in self._numbers()}

    @property
    def ready(self) -> bool:
        """Whether it is a member of its group and knows where to read what it was given."""
        return self._owned is not None and self._owned <= self.expected.next.keys()

    async def offsets(self, partitions: Sequence[TP]) -> Mapping[TP, int]:
        """See `Sink.offsets`: a position is that of the last event, its offset + 1."""
        before = dict(self.applied)
        await self._store.claim([self._place(tp).number for tp in partitions])
        checkpoint = await self._store.checkpoint()
        back = sum(checkpoint.get(number, 0) < position for number, position in before.items())
        if back:
            log.error("%s: the checkpoints of %d partitions went back", self.group, back)
            self._observer.regressed(self.projection.name, back)
        self.applied.update(checkpoint)
        return {tp: checkpoint.get(self._place(tp).number, 0) for tp in partitions}

    def stalled(self, error: Exception) -> None:
        """See `Sink.stalled`."""
        self._stalled(self.projection.name, error)

    def own(self, partitions: frozenset[TP] | None) -> None:
        """See `Sink.own`."""
        self._owned = partitions
        self._pipeline.look_again()
        self._observer.assigned(self.projection.name, len(partitions or ()))

    def _stalled(self, name: str, error: Exception) -> None:
        if self.stalled_by is None:
            log.warning("%s cannot go on for now: %s", name, error)
        self.stalled_by = str(error) or type(error).__name__

    def _numbers(self) -> frozenset[int]:
        return frozenset(self._place(tp).number for tp in self._owned or ())

    async def _broker(self) -> None:
        """Return once one of the brokers accepts connections: Faust would end without."""
        delay = RETRY_FIRST_S
        for address in cycle(self._brokers.split(",")):
            host, _, port = address.rpartition(":")
            try:
                async with asyncio.timeout(CONNECT_S):
                    _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            except (OSError, TimeoutError) as error:
                self.stalled(error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MAX_S)
                continue
            writer.close()
            self.stalled_by = None
            return

    async def _follow(self) -> None:
        """The agent's body: what it raises ends the worker."""
        try:
            await self._follow_until_told()
        finally:
            self._idle.set()
        await asyncio.Event().wait()

    async def _follow_until_told(self) -> None:
        due, rounds, seen = 0.0, 0, dict[TP, int]()
        while not self._stopping:
            self._idle.set()
            fetched = await self._fetched()
            self._idle.clear()
            size = await self._take(fetched)
            if GATHER_FROM <= size < BATCH_MAX and not self._behind():
                # Events come faster than they are applied one by one: they may gather.
                await asyncio.sleep(self.projection.rest_s)
            if monotonic() < due:
                continue
            due, rounds = monotonic() + ROUND_S, rounds + 1
            await self._settle()
            if rounds % SEEK_AFTER_ROUNDS == 0 and self.inbox.empty():
                seen = dict(await self._app.reader.seek_where_nothing_comes(seen))

    def _behind(self) -> bool:
        """Whether the broker is known to hold more than was taken."""
        highwater = self._app.reader.highwater
        return any(highwater(tp) > at for tp, at in self.expected.next.items())

    async def _fetched(self) -> list[Fetched]:
        """What is at hand, about a batch at most; empty if nothing comes for a while."""
        try:
            async with asyncio.timeout(ROUND_S):
                fetched = [await self.inbox.get()]
        except TimeoutError:
            return []
        size = len(fetched[0].records)
        while size < BATCH_MAX and not self.inbox.empty():
            fetched.append(self.inbox.get_nowait())
            size += len(fetched[-1].records)
        return fetched

    async def _take(self, fetched: Sequence[Fetched]) -> int:
        """Apply what comes next of it, and acknowledge that; how many records those were."""
        runs: list[Fetched] = []
        for partition, records in fetched:
            taken, gap = self.expected.take(partition, records)
            if taken:
                runs.append(Fetched(partition, taken))
            if gap:
                await self._app.reader.seek_again(partition)
        size = sum(len(run.records) for run in runs)
        self.waiting_since_ms = min((run.records[0].timestamp for run in runs), default=None)
        if size and await self._applied(runs):
            for partition, records in runs:
                offsets = range(records[0].offset, records[-1].offset + 1)
                self._app.reader.acknowledge(partition, offsets)
            self._observer.took(self.projection.name, size)
        return size

    async def _applied(self, runs: Sequence[Fetched]) -> bool:
        """Apply them, unless their partitions are another's meanwhile."""
        try:
            await self._apply(runs)
        except Superseded as error:
            self._superseded(error)
            return False
        return True

    def _superseded(self, error: Superseded) -> None:
        self.stalled(error)
        self._observer.superseded(self.projection.name, len(error.partitions))
        self._app.reader.begin_again()

    async def _apply(self, runs: Sequence[Fetched]) -> None:
        """Return once it is done, however long that takes: what comes next is behind it. Raises
        Superseded."""
        passed = {self._place(tp).number: records[-1].offset + 1 for tp, records in runs}
        delay = RETRY_FIRST_S
        while True:
            try:
                reached = await self._pipeline.take(await self._reading.events(runs), passed)
            except Unavailable as error:
                self.stalled(error)
            except Paused as error:
                self.stalled(error)
                delay = PAUSED_RETRY_S
                # What it was paused by may be retried or discarded meanwhile.
                await self._settle()
            else:
                self.applied.update(reached)
                self.stalled_by = self.waiting_since_ms = None
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MAX_S)

    async def _settle(self) -> None:
        self._pipeline.look_again()
        if self._lookup is not None:
            try:
                await self._pipeline.settle(self._lookup, self._numbers().__contains__)
            except Superseded as error:
                self._superseded(error)

    async def _finish(self) -> None:
        """Let the batch at hand be applied; what follows it is read by whoever comes next."""
        self._stopping = True
        try:
            async with asyncio.timeout(FINISH_S):
                await self._idle.wait()
        except TimeoutError:
            log.warning("%s stops in the middle of a batch", self.group)
