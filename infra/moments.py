"""Which positions a moment means that people name, and who knows of generations as of moments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from domain.errors import Conflict
from domain.moments import Moment
from domain.positions import EMBEDDED_LOG
from domain.topics import name_of, place_named
from infra.generations import Reached, SideGeneration
from projections.projection import Projection


class KnownMoments(Protocol):
    """Kept beside the generations: `infra.{sqlite,postgresql}.moments`. All raise
    StoreUnavailable."""

    async def every(self) -> Sequence[SideGeneration]:
        """Those of all projections and versions, the oldest moment first."""

    async def begin(self, projection: Projection, moment: Reached) -> SideGeneration:
        """The projection's as of the moment that has this name, if need be a new one."""

    async def finish(self, one: SideGeneration) -> None:
        """It is whole now."""


class DatedLog(Protocol):
    """A log that can say when what happened. All raise Unavailable, StoreUnavailable."""

    async def ends(self) -> Mapping[int, int]:
        """The newest position of every partition."""

    async def positions_at(self, at_ms: int) -> Mapping[int, int]:
        """Where every partition was then: before its first event that is later."""

    async def at_ms(self, vector: Mapping[int, int]) -> int:
        """When the newest event up to these positions was made; 0 where there is none."""


NUMBER_OF: Final[Mapping[str, int]] = {EMBEDDED_LOG: 0}
NOWHERE: Final = -1


async def reached(
    asked: Moment, known: KnownMoments, log: DatedLog, now_ms: Callable[[], int]
) -> Reached:
    """How far the log was. All generations as of one moment are so of the same positions, whenever
    they are built. Raises Conflict where the log has not come so far, Unavailable,
    StoreUnavailable."""
    for side in await known.every():
        if side.moment.name == asked.name:
            return side.moment
    if asked.at_ms is not None:
        if asked.at_ms > now_ms():
            raise Conflict(f"{asked.name} is still to come")
        positions = await log.positions_at(asked.at_ms)
        return Reached(asked.name, asked.at_ms, _named(positions))
    positions = _up_to(await log.ends(), asked)
    return Reached(asked.name, await log.at_ms(positions), _named(positions))


def ends_of(moment: Reached, projection: Projection) -> Mapping[int, int]:
    """Up to where a projection is filled, of the partitions that it reads."""
    topics = {event.TOPIC for event in projection.events}
    found = {}
    for name, position in moment.vector.items():
        place = place_named(name)
        if place is None:
            found[NUMBER_OF[name]] = position
        elif place.topic in topics:
            found[place.number] = position
    return found


def _up_to(ends: Mapping[int, int], asked: Moment) -> Mapping[int, int]:
    """What is not named counts as far as it is now."""
    positions = dict(ends)
    for name, position in asked.vector.items():
        place = place_named(name)
        number = NUMBER_OF.get(name, NOWHERE) if place is None else place.number
        if number not in ends:
            raise Conflict(f"There is no partition {name}")
        if position > ends[number]:
            raise Conflict(f"{name} has come to {ends[number]:,} only")
        positions[number] = position
    return positions


def _named(positions: Mapping[int, int]) -> dict[str, int]:
    return {name_of(number): position for number, position in sorted(positions.items())}
