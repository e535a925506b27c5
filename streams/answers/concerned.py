"""Which events of the log a part of it has: those that concern some keys or ids, of some time.

What concerns a key is what names it, and what happened to the posts that were written there: an
event that applies again may need the one that took it back.
"""

from collections.abc import Collection, Iterator, Set
from functools import cache
from typing import Final, NamedTuple

import msgspec

from domain.events import (
    TYPES,
    AccountClosed,
    AccountOpened,
    Event,
    PostEdited,
    PostPosted,
    ProfileChanged,
    Recorded,
)
from domain.ids import millis_of
from streams.answers.keys import POSTS, Key, Kind, Known

NOTHING: Final[Set[int]] = frozenset()
# Counts, flags and hours are no ids.
NUMBERS_MAX: Final = 1 << 32
# Members that are ids of what an event is about, beside its own.
_SUBJECTS: Final = POSTS | {"report_id"}
# What is to be looked at first: no other says which posts there are.
LOOKED_AT: Final = frozenset(
    event for event in TYPES.values() if issubclass(event, PostPosted | PostEdited)
)
# An account's ids are in these: its own event is the first of them.
_OWN: Final = (AccountOpened, ProfileChanged, AccountClosed)


class Part(NamedTuple):
    """Events that concern one of `keys` or one of `ids` (of events, posts, accounts), if there are
    any; from `since_ms` on until before `until_ms`, in Unix time, by the clock in their ids; of
    `partitions`, if there are any."""

    keys: Set[Key] = frozenset()
    ids: Set[int] = NOTHING
    since_ms: int | None = None
    until_ms: int | None = None
    partitions: Set[int] = NOTHING

    @property
    def is_about_something(self) -> bool:
        """Whether it takes a look at the whole log to know what is concerned."""
        return bool(self.keys or self.ids)


class Concerned:
    """Decides for one event after the other. Where the part is about something, it has to `look`
    first at every event that is of LOOKED_AT."""

    def __init__(self, part: Part, kinds: Collection[Kind]) -> None:
        self._part = part
        self._kinds = frozenset(kinds) | {key.kind for key in part.keys}
        self._named = Known(self._kinds)
        self._ids = {*part.ids, *(int(one.id) for one in part.keys if one.kind == "post")}
        for key in part.keys:
            self._named.add(key)

    def look(self, event: Event) -> None:
        """See which posts were written where the keys are."""
        if isinstance(event, PostPosted | PostEdited) and self._names(event):
            self._ids.add(event.post_id)

    def takes(self, recorded: Recorded) -> bool:
        """Whether the part has it."""
        event, _, _, partition = recorded
        part = self._part
        if part.partitions and partition not in part.partitions:
            return False
        if not self._is_of_the_time(event):
            return False
        return not part.is_about_something or self._has_id(event) or self._names(event)

    def _is_of_the_time(self, event: Event) -> bool:
        since_ms, until_ms = self._part.since_ms, self._part.until_ms
        if since_ms is None and until_ms is None:
            return True
        at_ms = millis_of(event.event_id)
        return (since_ms or 0) <= at_ms and (until_ms is None or at_ms < until_ms)

    def _has_id(self, event: Event) -> bool:
        if event.event_id in self._ids:
            return True
        if isinstance(event, _OWN):
            return event.actor_id in self._ids
        return any(getattr(event, name) in self._ids for name in _subjects(type(event)))

    def _names(self, event: Event) -> bool:
        if not self._part.keys:
            return False
        named = Known(self._kinds)
        named.note(event)
        return named.meets(self._named)


def ids_in(answer: object) -> Iterator[int]:
    """What may be an id in an answer."""
    if isinstance(answer, dict):
        yield from ids_in([*answer, *answer.values()])
    elif isinstance(answer, list):
        for one in answer:
            yield from ids_in(one)
    elif isinstance(answer, int | str) and str(answer).isdecimal() and int(answer) > NUMBERS_MAX:
        yield int(answer)


@cache
def _subjects(kind: type[Event]) -> tuple[str, ...]:
    names = (field.name for field in msgspec.structs.fields(kind))
    return tuple(name for name in names if name in _SUBJECTS)
