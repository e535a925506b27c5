"""Fills a page of a list that goes one way: asks for more until enough of it may be shown.

Timelines, which go both ways and show a post once, are filled in `pages.py`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from read_api.pages import SPARES

EntryT = TypeVar("EntryT")
ShownT = TypeVar("ShownT")

# What is behind an entry (None: the list's beginning), at most so many.
Read = Callable[[EntryT | None, int], Awaitable[Sequence[EntryT]]]
# What is shown of the entries, without those that the reader may not see.
Show = Callable[[Sequence[EntryT]], Awaitable[Mapping[EntryT, ShownT]]]


class Part(NamedTuple, Generic[EntryT, ShownT]):
    """A page of a list, in its order; `reached` is the last entry looked at if there are more."""

    shown: Sequence[ShownT]
    reached: EntryT | None


async def fill_part(
    read: Read[EntryT], show: Show[EntryT, ShownT], limit: int
) -> Part[EntryT, ShownT]:
    """The next `limit` of the list that may be shown. Where next to nothing may, it is fewer, and
    the list goes on behind what was looked at."""
    shown: list[ShownT] = []
    reached: EntryT | None = None
    for spare in SPARES:
        wanted = limit - len(shown) + spare
        found = await read(reached, wanted)
        visible = await show(found)
        for entry in found:
            if entry in visible:
                if len(shown) == limit:
                    return Part(shown, reached)
                shown.append(visible[entry])
            reached = entry
        if len(found) < wanted:
            return Part(shown, None)
    return Part(shown, reached)
