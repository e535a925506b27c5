"""What the engines' topics, tables, indexes and keys of one installation are called."""

from typing import NamedTuple

from projections.projection import Projection


class Names(NamedTuple):
    """`prefix` tells installations apart that share engines; the usual one has none."""

    prefix: str = ""

    @property
    def topics(self) -> str:
        """What every topic's name begins with."""
        return f"{self.prefix}." if self.prefix else ""

    @property
    def shared(self) -> str:
        """The keyspace and the schema of what has no generations."""
        return self.prefix or "starling"

    def of(self, projection: Projection, generation: int) -> str:
        """Where a generation of a projection keeps everything: `home_timelines_1_1`."""
        name = f"{projection.name}_{projection.version}_{generation}"
        return f"{self.prefix}_{name}" if self.prefix else name

    def group(self, projection: Projection, generation: int) -> str:
        """The consumer group of those that fill a generation (`streams.faust.worker`)."""
        return f"{self.topics}{projection.name}-{projection.version}-{generation}"
