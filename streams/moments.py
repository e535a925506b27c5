"""Where a partition of the log was at a time: before its first event that is later.

An event's id says when it was made. Ids of one partition ascend but for what was on its way at the
same time, for what somebody sent again, and for imported events, whose ids say when their posts
were written: when those came, only what stands around them says.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from domain.ids import is_imported, millis_of

# So many events are looked at together, so that one which was sent again misleads nobody.
LOOK: Final = 100
# Events that were on their way at the same time are never further apart than this.
DISORDER: Final = 1_000
READ_MAX: Final = 1_000


class Dated(NamedTuple):
    """A position, and when its event was made, in Unix milliseconds; None where nobody knows."""

    position: int
    at_ms: int | None


# Up to so many behind a position, in order; none at the end.
Read = Callable[[int, int], Awaitable[Sequence[Dated]]]


def dated(position: int, event_id: int | None) -> Dated:
    """An event by its id; one that cannot be read has none."""
    if event_id is None or is_imported(event_id):
        return Dated(position, None)
    return Dated(position, millis_of(event_id))


async def position_at(read: Read, start: int, end: int, at_ms: int) -> int:
    """The position between `start` and `end` behind which the first later event stands; `end` if
    there is none."""
    low, high = start, end
    while high - low > LOOK:
        middle = (low + high) // 2
        if await _is_later_behind(read, middle, end, at_ms):
            high = middle
        else:
            low = middle
    return await first_later(read, max(low - DISORDER, start), end, at_ms)


async def first_later(read: Read, start: int, end: int, at_ms: int) -> int:
    """The same, by looking at every event."""
    reached = start
    while reached < end:
        found = await read(reached, min(READ_MAX, end - reached))
        if not found:
            break
        for one in found:
            if one.at_ms is not None and one.at_ms > at_ms:
                return one.position - 1
        reached = found[-1].position
    return end


async def _is_later_behind(read: Read, after: int, end: int, at_ms: int) -> bool:
    """Whether one of the next events is later; of imported ones as many as there are."""
    while after < end:
        found = await read(after, min(LOOK, end - after))
        times = [one.at_ms for one in found if one.at_ms is not None]
        if times or not found:
            return any(one > at_ms for one in times)
        after = found[-1].position
    return True
