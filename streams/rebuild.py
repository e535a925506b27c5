"""Fills a new generation of a projection from the log: from where its store is to a pinned end.

The store's own checkpoint says how far it is, so a rebuild that was killed goes on where it was.
Nothing here can reach a client: what happens to the outside comes from a consumer of its own.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from math import inf
from typing import Final, NamedTuple

from streams.feed import Feed
from streams.pipeline import Pipeline

BATCH_MAX: Final = 2_000
# A throttled rebuild takes batches of what it may apply in this time.
TURN_S: Final = 0.1


class Rebuilt(NamedTuple):
    """How far a rebuild is: events applied of those there are, in this run after so many s."""

    done: int
    total: int
    began_at: int
    elapsed_s: float

    @property
    def per_s(self) -> float:
        """Events a second in this run."""
        return (self.done - self.began_at) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float:
        """Seconds until the end at this rate; infinite before it is known."""
        return (self.total - self.done) / self.per_s if self.per_s else inf


async def rebuild(
    pipeline: Pipeline,
    feed: Feed,
    ends: Mapping[int, int],
    *,
    report: Callable[[Rebuilt], None],
    per_s_max: float = inf,
) -> None:
    """Apply every event up to `ends`, partition -> position, at most so many a second.

    Raises Paused.
    """
    batch_max = max(min(BATCH_MAX, int(per_s_max * TURN_S)), 1) if per_s_max < inf else BATCH_MAX
    checkpoint = await pipeline.store.checkpoint()
    reached = {partition: min(checkpoint.get(partition, 0), end) for partition, end in ends.items()}
    began_at, total, began = sum(reached.values()), sum(ends.values()), time.monotonic()

    def tell() -> None:
        elapsed_s = time.monotonic() - began
        report(Rebuilt(sum(reached.values()), total, began_at, elapsed_s))

    tell()
    for partition, end in ends.items():
        while reached[partition] < end:
            limit = min(batch_max, end - reached[partition])
            batch = await feed.read(partition, reached[partition], limit)
            if not batch:
                break
            reached[partition] = (await pipeline.take(batch))[partition]
            tell()
            due = began + (sum(reached.values()) - began_at) / per_s_max
            await asyncio.sleep(max(due - time.monotonic(), 0))
