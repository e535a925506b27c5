"""Generations: builds of a projection's store from the log, of which one answers."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from domain.errors import Conflict
from domain.positions import Vector
from projections.projection import Projection

# `filled`: has what the log had and follows it, but does not answer yet. `dropped`: who follows the
# log with it is to leave, then its store goes. Only where other processes follow there are these.
# `as_of`: as of a moment that is past; it neither answers nor follows the log, ever.
State = Literal["building", "filled", "live", "kept", "dropped", "as_of"]
FOLLOWING: Final[frozenset[State]] = frozenset(("filled", "live", "kept"))


class Generation(NamedTuple):
    """One build of a projection's store from the log. Of those of a projection one is live, at
    most one is being built; the kept ones were live before and still follow the log."""

    projection: str
    version: int
    number: int
    state: State


class Reached(NamedTuple):
    """A moment of the log that is past: how clients call it, when that was (Unix milliseconds), and
    how far the partitions were."""

    name: str
    at_ms: int
    vector: Vector


class SideGeneration(NamedTuple):
    """A build of a projection's store as of a moment. It can be read once it is `whole`."""

    build: Generation
    moment: Reached
    whole: bool


class Plan(NamedTuple):
    """What a replay would do: the generation it would build, from which of the log's events those
    that are `done` are there already."""

    number: int
    done: int
    total: int


class AlreadyBuilt(Conflict):
    """Another process builds or drops generations of this projection."""


def covers(reached: Mapping[int, int], needed: Mapping[int, int]) -> bool:
    """Whether a checkpoint has everything that another one has."""
    return all(reached.get(partition, 0) >= position for partition, position in needed.items())


def first_of(projection: Projection) -> Generation:
    """The one that answers where nothing was ever replayed."""
    return Generation(projection.name, projection.version, 1, "live")
