"""Hands events to clients that listen, in process: follows the feed from its heads, for ever.

A consumer of its own, without checkpoint and generations: what it hands out is what happens now,
never what a replay reads. It lives on the server's event loop. To let a client go on where its
stream broke, it holds the newest events that meant anything to anybody.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from domain.errors import TooManyRequests, Unavailable
from domain.events import Recorded
from domain.ids import AccountId, EventId, is_imported, millis_of
from domain.positions import Vector
from domain.topics import name_of
from infra.live_subscription import LiveSubscription
from projections.follower_graph import FOLLOWER_GRAPH
from projections.signals import (
    Edited,
    Gone,
    Posted,
    Related,
    Signal,
    Told,
    Withdrawn,
    signals,
)
from projections.stores import Stores
from projections.windows import Window
from read_api.ports import Delivered, FellBehind
from streams.feed import Feed
from web.app import Progress

BATCH_MAX: Final = 500
RETRY_S: Final = 0.5
EDGES_MAX: Final = 1_000
READY_WAIT_S: Final = 10.0
RESENT_MS: Final = 60_000
BUSY_RETRY_S: Final = 30


class Bounds(NamedTuple):
    """How much is held for resuming and queued for one stream, in signals, and how many streams
    may be open."""

    held: int = 20_000
    queued: int = 1_000
    streams: int = 2_000
    streams_per_account: int = 10


BOUNDS: Final = Bounds()


class _Held(NamedTuple):
    """What one event meant; `number` counts the events as they came."""

    number: int
    vector: Vector
    signals: tuple[Signal, ...]

    @property
    def at_ms(self) -> int:
        return millis_of(self.signals[0].event_id)


class LiveHub:
    """Implements `read_api.ports.Live`. Everything is called on one event loop."""

    def __init__(
        self, feed: Feed, stores: Stores, progress: Progress, *, bounds: Bounds = BOUNDS
    ) -> None:
        self._feed = feed
        self._stores = stores
        self._progress = progress
        self._bounds = bounds
        self._open: Counter[AccountId] = Counter()
        self._ended = False
        self._by_reader: dict[AccountId, set[LiveSubscription]] = defaultdict(set)
        self._by_author: dict[AccountId, set[LiveSubscription]] = defaultdict(set)
        self._held: deque[_Held] = deque()
        self._came = 0
        self._dropped_to = 0
        held_of_each = bounds.held // len(feed.partitions)
        self._positions = {p: max(feed.head(p) - held_of_each, 0) for p in feed.partitions}
        # From this moment on everything is held, but for partitions whose first event is awaited.
        self._held_from_ms = 0
        self._unknown = {p for p, position in self._positions.items() if position > 0}
        self._newest = EventId(0)
        self._behind = set(self._positions)
        self._caught_up = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the feed as long as the context lasts; then every stream ends."""
        following = [
            asyncio.create_task(self._follow(partition), name=f"live {name_of(partition)}")
            for partition in self._positions
        ]
        try:
            yield
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            self.end()

    def end(self) -> None:
        """End all streams, and every one that is opened from now on."""
        self._ended = True
        for subscription in [one for some in self._by_reader.values() for one in some]:
            subscription.end()

    def newest(self) -> EventId:
        """See `Live.newest`."""
        return self._newest

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._open.total()

    async def listen(self, reader_id: AccountId, *, since: EventId | None) -> LiveSubscription:
        """See `Live.listen`."""
        self._check_room(reader_id)
        subscription = LiveSubscription(
            reader_id, queued_max=self._bounds.queued, closing=self._forget
        )
        self._open[reader_id] += 1
        try:
            await self._catch_up()
            began = self._came
            resent_from_ms = None if since is None else self._resent_from(since)
            subscription.wanted |= await self._followed(reader_id)
            self._join(subscription, began, resent_from_ms)
        except BaseException:
            subscription.close()
            raise
        return subscription

    def _forget(self, subscription: LiveSubscription) -> None:
        self._open[subscription.reader_id] -= 1
        if not self._open[subscription.reader_id]:
            del self._open[subscription.reader_id]
        _leave(self._by_reader, subscription.reader_id, subscription)
        for author_id in subscription.wanted:
            _leave(self._by_author, author_id, subscription)

    def _check_room(self, reader_id: AccountId) -> None:
        if self._open[reader_id] >= self._bounds.streams_per_account:
            raise TooManyRequests(retry_after_s=BUSY_RETRY_S)
        if self._ended or self.streams >= self._bounds.streams:
            raise Unavailable("No more streams can be served now")

    async def _catch_up(self) -> None:
        try:
            async with asyncio.timeout(READY_WAIT_S):
                await self._caught_up.wait()
        except TimeoutError as error:
            raise Unavailable("The stream cannot be served yet") from error

    def _resent_from(self, since: EventId) -> int:
        """The moment from which on everything comes again. Raises FellBehind."""
        resent_from_ms = millis_of(since) - RESENT_MS
        if self._unknown or resent_from_ms < self._held_from_ms:
            raise FellBehind
        return resent_from_ms

    async def _followed(self, reader_id: AccountId) -> set[AccountId]:
        """Whom the reader follows after all that came until now. Raises ProjectionBehind."""
        needed = {name_of(p): position for p, position in self._positions.items()}
        await self._progress.reached((FOLLOWER_GRAPH.name,), needed, READY_WAIT_S)
        followed: set[AccountId] = set()
        window = Window()
        while True:
            graph = self._stores.follower_graph
            edges = await graph.edges(reader_id, "following", window, EDGES_MAX)
            followed.update(edge.account_id for edge in edges)
            if len(edges) < EDGES_MAX:
                return followed
            window = Window(max_id=edges[-1].edge_id)
            await asyncio.sleep(0)

    def _join(self, subscription: LiveSubscription, began: int, resent_from_ms: int | None) -> None:
        """From here on it is told at once; first comes what happened while it was made ready,
        and what is sent again. Nothing is awaited, so nothing is missed in between."""
        if self._dropped_to > began:
            raise Unavailable("Too much happens to begin a stream now")
        for author_id in subscription.wanted:
            self._by_author[author_id].add(subscription)
        self._by_reader[subscription.reader_id].add(subscription)
        missed = [held for held in self._held if held.number > began]
        for signal in (signal for held in missed for signal in held.signals):
            if isinstance(signal, Related) and signal.reader_id == subscription.reader_id:
                self._relate(subscription, signal)
        for held in self._held:
            again = resent_from_ms is not None and held.at_ms >= resent_from_ms
            if again or held.number > began:
                _put(held, subscription)

    async def _follow(self, partition: int) -> None:
        while True:
            position = self._positions[partition]
            try:
                batch = await self._feed.read(partition, position, BATCH_MAX)
                if not batch:
                    self._reached_head(partition)
                    await self._feed.wait(partition, position)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
                continue
            for fed in batch:
                if isinstance(fed, Recorded):
                    self._take(fed)
                self._positions[partition] = fed.position
            await asyncio.sleep(0)

    def _reached_head(self, partition: int) -> None:
        self._behind.discard(partition)
        if not self._behind:
            self._caught_up.set()

    def _take(self, recorded: Recorded) -> None:
        event_id = recorded.event.event_id
        if is_imported(event_id):
            return
        self._newest = max(self._newest, event_id)
        if recorded.partition in self._unknown:
            self._unknown.discard(recorded.partition)
            self._held_from_ms = max(self._held_from_ms, millis_of(event_id))
        found = tuple(signals(recorded))
        if not found:
            return
        self._came += 1
        held = _Held(self._came, {name_of(recorded.partition): recorded.position}, found)
        self._hold(held)
        for signal in found:
            for subscription in self._concerned(signal):
                subscription.put(Delivered(signal, held.vector))

    def _hold(self, held: _Held) -> None:
        self._held.append(held)
        if len(self._held) > self._bounds.held:
            dropped = self._held.popleft()
            self._dropped_to = dropped.number
            self._held_from_ms = max(self._held_from_ms, dropped.at_ms)

    def _concerned(self, signal: Signal) -> Iterable[LiveSubscription]:
        """Who is told: `LiveSubscription.concerned_by`, by index."""
        match signal:
            case Posted(actor_id=author_id) | Withdrawn(reposter_id=author_id):
                return self._by_author.get(author_id, ())
            case Told(recipient_ids=recipients):
                return [one for r in recipients for one in self._by_reader.get(r, ())]
            case Edited() | Gone():
                return [one for some in self._by_reader.values() for one in some]
            case Related(reader_id=reader_id):
                for subscription in self._by_reader.get(reader_id, ()):
                    self._relate(subscription, signal)
                return ()

    def _relate(self, subscription: LiveSubscription, signal: Related) -> None:
        if signal.follows:
            subscription.wanted.add(signal.other_id)
            self._by_author[signal.other_id].add(subscription)
        else:
            subscription.wanted.discard(signal.other_id)
            _leave(self._by_author, signal.other_id, subscription)


def _put(held: _Held, subscription: LiveSubscription) -> None:
    for signal in held.signals:
        if subscription.concerned_by(signal):
            subscription.put(Delivered(signal, held.vector))


def _leave(
    index: dict[AccountId, set[LiveSubscription]], key: AccountId, subscription: LiveSubscription
) -> None:
    """Out of the index, without leaving an empty set behind."""
    some = index.get(key)
    if some is not None:
        some.discard(subscription)
        if not some:
            del index[key]
