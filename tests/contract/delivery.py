"""Bringing events to a projection's store as the pipeline does, for the contracts."""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.events import Recorded
from projections.projection import Projection, Store

PARTITION = 0


async def deliver(
    projection: Projection, store: Store[Any], batches: Iterable[Sequence[Recorded]]
) -> None:
    """Project and apply each batch; the checkpoint it brings is its highest position."""
    for batch in batches:
        wanted = [recorded for recorded in batch if type(recorded.event) in projection.events]
        checkpoint = {PARTITION: max((one.position for one in batch), default=0)}
        await store.apply(projection.project(wanted), checkpoint)
