"""Home timelines in Redis: pushed to readers seen lately, pulled for the rest.

The scripts have the keys (`home_names.lua`) and do the work; `home_fan_out` is the write side,
`home_pages` the read side.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import Final

from domain.ids import AccountId, PostId
from infra.claims import Claims
from infra.redis.home_cells import Cells, each
from infra.redis.home_fan_out import FanOut
from infra.redis.home_keys import SHARDS, shard_of
from infra.redis.home_open_pushes import OpenPushes
from infra.redis.home_pages import SLICE, Pages
from infra.redis.home_visits import AT_ONCE, Visits
from infra.redis.redis_cluster import AnyRedis
from infra.redis.scripts import Call, Scripts
from projections.home_timelines import Operation, Whereabouts
from projections.items import Item
from projections.projection import StoreUnavailable, Superseded
from projections.windows import Window

DEPTH: Final = 800
ACTIVE_DAYS: Final = 14
# Redis serves nobody else while it makes so many deliveries: about 10 ms.
DELIVERIES_AT_ONCE: Final = 10_000
# Bounds what one batch spends on readers of a shard who were not seen for long.
EXPIRED_PER_BATCH: Final = 2
_DAY_MS: Final = 86_400_000
# A visit is written down at most this often for a reader.
_VISIT_EVERY_MS: Final = _DAY_MS // 4
_READERS_AT_ONCE: Final = 5_000


class RedisHomeTimelines:
    """Implements `projections.home_timelines.HomeTimelines`, and says there what it takes.

    The client stays its owner's; everything is in keys that begin with `namespace` and a colon, in
    a Redis Cluster after a brace.
    """

    def __init__(
        self,
        redis: AnyRedis,
        namespace: str,
        *,
        threshold: float,
        now_ms: Callable[[], int],
        depth: int = DEPTH,
        active_days: int = ACTIVE_DAYS,
        deliveries_at_once: int = DELIVERIES_AT_ONCE,
    ) -> None:
        self._now_ms = now_ms
        self._depth = depth
        self._active_ms = active_days * _DAY_MS
        self._at_once = deliveries_at_once
        self._cells = Cells(redis, namespace)
        self._fan_out = FanOut(
            self._cells, threshold=threshold, depth=depth, at_once=deliveries_at_once
        )
        self._claims: defaultdict[Scripts, Claims] = defaultdict(Claims)
        self._open_pushes: dict[Scripts, OpenPushes] = {}
        self._pages = Pages(self._cells, depth=depth, visit_every_ms=_VISIT_EVERY_MS)
        self._visits = Visits(self._keep_ready)

    async def create(self) -> None:
        """Hand the scripts to Redis, and go on with pushes that somebody left open. Raises
        StoreUnavailable."""
        for cell in await self._cells.all():
            await cell.load()
            await self._go_on(cell, (await cell.call("advance", self._depth))[0])

    async def drop(self) -> None:
        """Remove everything of the namespace. Raises StoreUnavailable."""
        await self.close()
        await self._cells.drop()

    async def claim(self, partitions: Collection[int]) -> None:
        """See `SharedStore.claim`."""
        some = list(partitions)
        for cell in await self._cells.all():
            epochs = await cell.call("claim", self._depth, *some)
            self._claims[cell].note(dict(zip(some, epochs, strict=True)))

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`. Raises Superseded."""
        await self._fan_out.follow(operations)
        cells = await self._cells.all()
        await each(self._end(cell, checkpoint) for cell in cells)

    async def _end(self, cell: Scripts, checkpoint: Mapping[int, int]) -> None:
        """Move a cell's checkpoint, and do what is due after each batch."""
        claims = self._claims[cell]
        positions = [(place, at, claims.of(place)) for place, at in checkpoint.items()]
        _, (still_open, *lost) = await cell.call_all(
            [
                Call("expire", (self._depth, self._now_ms() - self._active_ms, EXPIRED_PER_BATCH)),
                Call("advance", (self._depth, *chain.from_iterable(positions))),
            ]
        )
        if lost:
            raise Superseded(lost)
        await self._go_on(cell, still_open)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`. A cell may have lost the last moments of a server that
        died, so what counts is what all of them have."""
        kept = await each(_checkpoint(cell) for cell in await self._cells.all())
        partitions = set(kept[0]).intersection(*kept[1:])
        return {partition: min(one[partition] for one in kept) for partition in partitions}

    async def page(self, reader_id: AccountId, window: Window, limit: int) -> Sequence[Item]:
        """See `HomeTimelines.page`."""
        home = await self._pages.read(reader_id, window, limit, self._now_ms())
        if not home.is_ready:
            self._visits.note(reader_id)
        return home.items

    async def find(self, reader_id: AccountId, post_id: PostId) -> Whereabouts:
        """See `HomeTimelines.find`."""
        return await self._pages.find(reader_id, post_id)

    async def evict(self, reader_ids: Sequence[AccountId]) -> None:
        """See `HomeTimelines.evict`."""
        readers: dict[Scripts, list[int]] = {}
        for reader in reader_ids:
            cell = await self._cells.of(reader)
            readers.setdefault(cell, []).extend((shard_of(reader), reader))
        await each(cell.call("evict", self._depth, *some) for cell, some in readers.items())

    async def ready_readers(self) -> Mapping[AccountId, int]:
        """For whom a home is kept ready, and when they read last (Unix milliseconds)."""
        found: dict[AccountId, int] = {}
        for cell in await self._cells.all():
            for shard in range(SHARDS):
                first, told = 0, None
                while told is None or len(told) == 2 * _READERS_AT_ONCE:
                    last = first + _READERS_AT_ONCE - 1
                    told = await cell.call("readers", self._depth, shard, first, last)
                    for place in range(0, len(told), 2):
                        found[AccountId(int(told[place]))] = int(float(told[place + 1]))
                    first = last + 1
        return found

    async def make_ready(self, readers: Mapping[AccountId, int]) -> None:
        """Keep homes ready for those who have none, as if they had read then."""
        ready = await self.ready_readers()
        missing = [one for one in readers.items() if one[0] not in ready]
        for first in range(0, len(missing), AT_ONCE):
            some = missing[first : first + AT_ONCE]
            await asyncio.gather(*(self._rebuild(reader, at_ms) for reader, at_ms in some))

    async def wait_for_rebuilds(self) -> None:
        """Return when every reader who read before is kept ready."""
        await self._visits.wait()

    async def wait_for_pushes(self) -> None:
        """Return when every post that was applied here is pushed to all whom it is pushed to."""
        await each(pushes.wait() for pushes in self._open_pushes.values())

    async def close(self) -> None:
        """Stop rebuilding and pushing."""
        await self._visits.close()
        await each(pushes.close() for pushes in self._open_pushes.values())

    async def _go_on(self, cell: Scripts, still_open: int) -> None:
        if cell not in self._open_pushes:
            self._open_pushes[cell] = OpenPushes(cell, depth=self._depth, at_once=self._at_once)
        await self._open_pushes[cell].go_on(still_open)

    async def _keep_ready(self, reader_id: AccountId) -> None:
        try:
            await self._rebuild(reader_id, self._now_ms())
        except StoreUnavailable:
            # They are served by pulling; their next reads ask again.
            return

    async def _rebuild(self, reader_id: AccountId, read_ms: int) -> None:
        """Keep a home ready for a reader who has none ready, from now on."""
        reader = (self._depth, shard_of(reader_id), reader_id)
        cell = await self._cells.of(reader_id)
        fill = await cell.call("begin", *reader, read_ms)
        if fill is None:
            return
        cursor = await cell.call("gather", *reader, "0", SLICE)
        while int(cursor):
            cursor = await cell.call("gather", *reader, cursor, SLICE)
        await cell.call("finish", *reader, fill)


async def _checkpoint(cell: Scripts) -> Mapping[int, int]:
    kept = await cell.ask(lambda server: server.hgetall(f"{cell.key}:checkpoint"))
    return {int(partition): int(position) for partition, position in kept.items()}
