"""How events reach a store in contract tests: as the pipeline would bring them, batch by batch."""

from collections.abc import Sequence
from typing import Any

from domain.events import Recorded
from projections.projection import Projection, Store


async def deliver(projection: Projection, store: Store[Any], *batches: Sequence[Recorded]) -> None:
    """Project and apply each batch; the checkpoint is the last position of the batch."""
    for batch in batches:
        wanted = [recorded for recorded in batch if type(recorded.event) in projection.events]
        checkpoint = {batch[-1].partition: batch[-1].position} if batch else {}
        await store.apply(projection.project(wanted), checkpoint)
