"""Faust's consumer, with the sink's checkpoint in the place of the broker's committed offsets.

Overridden, each with a test that fails on Faust's own method:
`perform_seek` reads the sink's checkpoints (Faust's seeks to what the broker has committed);
`_new_offset` never passes an offset that is not acknowledged (Faust's does so in two ways);
`_commit_offsets` notes only what the broker has taken (Faust's notes what failed, too);
`_drain_messages` hands over what was fetched as it is: Faust's two tasks for each record are what
made it slow. What follows checks every offset (`expected.py`), so nothing relies on Faust's care.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer
from faust.types import TP
from mode import Service

from domain.errors import Unavailable
from projections.projection import StoreUnavailable
from streams.faust.expected import Expected

ATTEMPT_S: Final = 5.0
RETRY_S: Final = 1.0
# How long who takes what is fetched waits for it, and while partitions are paused: what was fetched
# of one before it is resumed is not handed out by itself.
POLL_S: Final = 5.0
POLL_PAUSED_S: Final = 1.0
# How long the broker holds a fetch while nothing comes; it answers as soon as something does. What
# else is asked for, and partitions that were paused when it began, wait behind it: so after an
# assignment it is short. But each one names all partitions, most of what an idle worker costs.
FETCH_WAIT_ASSIGNED_MS: Final = 250
FETCH_WAIT_MS: Final = 1_000
# How often aiokafka looks whether there is something to fetch, though all that there may be wakes
# it, but for a seek in the very moment in which it learned the offsets of an assignment.
LOOK_ASSIGNED_S: Final = 0.2
LOOK_S: Final = 5.0
SETTLED_S: Final = 3.0
# How many records are handed over together.
CHUNK: Final = 250
# Until the next ones are taken: longer where many come, not at all where a fetch is large anyway.
# aiokafka fetches anew for whatever is taken, naming every partition, and a store does as much for
# one event as for ten: event by event that is most of what a worker, the broker and the engines do.
# What comes after a rest is handed over at once.
PACE_S: Final = 0.04
MANY: Final = 8
MANY_PACE_S: Final = 0.1


class Fetched(NamedTuple):
    """Records of one partition, in the order of their offsets."""

    partition: TP
    records: Sequence[Any]


class Sink(Protocol):
    """What the consumer reads for."""

    @property
    def expected(self) -> Expected[TP]:
        """Which offsets come next."""

    @property
    def inbox(self) -> "asyncio.Queue[Fetched]":
        """Where records are handed over; full while the sink is behind."""

    async def offsets(self, partitions: Sequence[TP]) -> Mapping[TP, int]:
        """The next offset of each by the sink's checkpoint, which is ours to move from now on.
        Raises StoreUnavailable."""

    def stalled(self, error: Exception) -> None:
        """Note why reading cannot go on for now."""

    def own(self, partitions: frozenset[TP] | None) -> None:
        """Note which partitions are read from now on; None while the group meets."""


class LostRecords(Exception):
    """The topic does not hold what follows the checkpoint: it was cut or made anew."""


class CheckpointedThread(AIOKafkaConsumerThread):
    """The thread that talks to the broker. That the broker does not answer a commit ends nothing:
    the truth is in the sink, the broker's offsets are for people who look at the group.

    Faust keeps both loops awake each second, in case they do not see what is asked of them. All
    that is asked of either wakes it (`call_soon_threadsafe`), so they may sleep."""

    @Service.task
    async def _thread_keepalive(self) -> None:
        """Not needed."""

    async def _keepalive2(self) -> None:
        """Not needed."""

    def close(self) -> None:
        """Not needed: `on_thread_stop` closes aiokafka's consumer. Faust's closes it from the other
        thread when the group meets while the app stops; that meeting then never ends, and Faust
        waits a minute for it."""

    def hurry(self) -> None:
        """From the next fetch on, wait as after an assignment."""
        self._wait_for_fetches(FETCH_WAIT_ASSIGNED_MS, LOOK_ASSIGNED_S)

    def settle_down(self) -> None:
        """From the next fetch on, wait as while nothing changes hands."""
        self._wait_for_fetches(FETCH_WAIT_MS, LOOK_S)

    def _wait_for_fetches(self, wait_ms: int, look_s: float) -> None:
        # There are no settings for them.
        fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001
        fetcher._fetch_max_wait_ms = wait_ms  # noqa: SLF001
        fetcher._fetcher_timeout = look_s  # noqa: SLF001

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - as Faust has it
        """See `ConsumerThread.getmany`. Faust's goes on in the thread when its caller gives up, and
        takes what comes next with it."""
        consumer = self._ensure_consumer()
        fetching = self._fetch_records(
            consumer,
            active_partitions,
            timeout,
            consumer._max_poll_records,  # noqa: SLF001
        )
        asked = asyncio.run_coroutine_threadsafe(fetching, self.thread_loop)
        return await asyncio.wrap_future(asked)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        ours = self.assignment()
        wanted = {TopicPartition(*tp): at for tp, at in offsets.items() if tp in ours}
        try:
            await self._ensure_consumer().commit(wanted)
        except KafkaError as error:
            self.log.warning("Offsets were not committed: %r", error)
            return False
        return True


class CheckpointedConsumer(Consumer):
    """One for each app; `app.sink` is what it reads for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sink: Sink = self.app.sink  # type: ignore[attr-defined]  # see `app.ProjectionApp`
        self._turn = 0

    def _new_consumer_thread(self) -> CheckpointedThread:
        return CheckpointedThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _fetching(self) -> CheckpointedThread:
        return cast("CheckpointedThread", self._thread)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """What comes of them from now on is another's."""
        self._turn += 1
        self._fetching.hurry()
        self._sink.expected.end(revoked)
        self._sink.own(None)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """They are ours; `perform_seek` comes next."""
        self._sink.own(frozenset(assigned))
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Go to the sink's checkpoints. Partitions whose checkpoint cannot be had stay paused
        until it can."""
        self._turn += 1
        waiting = await self._seek_to_checkpoints(frozenset(self.assignment()))
        if waiting:
            self._pause_until_sought(waiting)
        self.add_future(self._settle_down(self._turn))

    async def seek_again(self, partition: TP) -> None:
        """Read a partition again from what comes next."""
        following = self._sink.expected.next.get(partition)
        if following is None:
            return
        try:
            await self._go_to({partition: following})
        except (KafkaError, TimeoutError) as error:
            self.log.warning("%r could not be sought: %r", partition, error)

    def begin_again(self) -> None:
        """Drop what comes, and go to the checkpoints in a while, unless the group meets before:
        another worker has claimed what seems to be ours."""
        self._turn += 1
        self._fetching.hurry()
        ours = frozenset(self.assignment())
        self._sink.expected.end(ours)
        self._pause_until_sought(ours)
        self.add_future(self._settle_down(self._turn))

    async def seek_where_nothing_comes(self, before: Mapping[TP, int]) -> Mapping[TP, int]:
        """Seek partitions that have records behind what came next `before` and comes next still;
        what comes next now. For calling now and then, while nothing is on its way."""
        following = dict(self._sink.expected.next)
        for partition in following.keys() & self._get_active_partitions():
            offset = following[partition]
            if before.get(partition) == offset and self.highwater(partition) > offset:
                self.log.warning("%r is behind, and nothing comes: seeking %d", partition, offset)
                await self.seek_again(partition)
        return following

    def _pause_until_sought(self, partitions: frozenset[TP]) -> None:
        self.pause_partitions(partitions)
        self.add_future(self._seek_later(partitions, self._turn))

    async def _seek_later(self, waiting: frozenset[TP], turn: int) -> None:
        """Try until all could be sought, or Faust begins again."""
        while waiting:
            await self.sleep(RETRY_S)
            if self.should_stop or self._turn != turn:
                return
            left = await self._seek_to_checkpoints(waiting)
            if self._turn != turn:
                return
            self.resume_partitions(waiting - left)
            waiting = left

    async def _settle_down(self, turn: int) -> None:
        """Everything is read by then, or its store is away."""
        await self.sleep(SETTLED_S)
        if not self.should_stop and self._turn == turn:
            self._fetching.settle_down()

    async def _seek_to_checkpoints(self, partitions: frozenset[TP]) -> frozenset[TP]:
        """Those of them that cannot be read yet."""
        wanted = sorted(partitions)
        try:
            async with asyncio.timeout(ATTEMPT_S):
                offsets = await self._sink.offsets(wanted)
                first, behind = await asyncio.gather(
                    self.earliest_offsets(*wanted), self.highwaters(*wanted)
                )
                found = {tp: at for tp, at in offsets.items() if first[tp] <= at <= behind[tp]}
                self._begin(found)
                await self._go_to(found)
        except (StoreUnavailable, Unavailable, KafkaError, TimeoutError) as error:
            self._sink.stalled(error)
            return partitions
        for tp in offsets.keys() - found.keys():
            held = f"{first[tp]} to {behind[tp]}"
            self._sink.stalled(LostRecords(f"{tp} holds {held}, {offsets[tp]} is next"))
        return partitions - found.keys()

    def _begin(self, offsets: Mapping[TP, int]) -> None:
        """Before the seek: what is on its way is taken only if it comes next all the same."""
        self._sink.expected.begin(offsets)
        self._committed_offset.update(offsets)
        for tp in offsets:
            self._acked.pop(tp, None)
            self._acked_index.pop(tp, None)

    async def _go_to(self, offsets: Mapping[TP, int]) -> None:
        if offsets:
            await self.seek_wait(offsets)
            self._read_offset.update(offsets)

    def highwater(self, tp: TP) -> int:
        """The offset behind the newest record, as far as the broker told; 0 if it did not."""
        try:
            return super().highwater(tp) or 0
        except (AssertionError, AttributeError):
            # aiokafka's thread has given the partition away, which is on its way to us.
            return 0

    def acknowledge(self, partition: TP, offsets: range) -> None:
        """The sink holds these records."""
        if partition in self._sink.expected.next:
            self._acked[partition].extend(offsets)

    def _new_offset(self, tp: TP) -> int | None:
        """The offset behind all that is acknowledged without a gap; None without progress."""
        committed = self._committed_offset[tp]
        if committed is None:
            return None
        acked, following = self._acked[tp], committed
        acked.sort()
        for offset in acked:
            if offset > following:
                break
            following = max(following, offset + 1)
        return following if following > committed else None

    async def _commit_offsets(
        self,
        offsets: Mapping[TP, int],
        start_new_transaction: bool = True,  # noqa: ARG002 - there are no transactions
    ) -> bool:
        """Commit, and note what the broker has taken."""
        ours = self.assignment()
        wanted = {tp: offset for tp, offset in offsets.items() if tp in ours}
        if not wanted or not await self._commit(wanted):
            return False
        for tp, behind in wanted.items():
            if behind > (self._committed_offset[tp] or 0):
                self._committed_offset[tp] = behind
            self._acked[tp] = [offset for offset in self._acked[tp] if offset >= behind]
            self._acked_index[tp].clear()
        return True

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand over what is fetched, as long as the fetcher runs."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                wait_s = POLL_PAUSED_S if self._paused_partitions else POLL_S
                fetched, _ = await self._wait_next_records(wait_s)
                came = await self._hand_over(fetched or {})
                await asyncio.sleep(_pace_s(came))
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    async def _hand_over(self, fetched: Mapping[TP, Sequence[Any]]) -> int:
        """How many records those were. What comes while the flow is stopped is dropped: it is
        resumed only after a seek."""
        for partition, records in fetched.items():
            for begin in range(0, len(records), CHUNK):
                if self.flow_active:
                    chunk = records[begin : begin + CHUNK]
                    await self._sink.inbox.put(Fetched(TP(*partition), chunk))
        return sum(map(len, fetched.values()))

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """Faust complains of streams that it does not see move; ours are seen in `Progress`."""


def _pace_s(came: int) -> float:
    if came == 0 or came >= CHUNK:
        return 0
    return MANY_PACE_S if came >= MANY else PACE_S
