"""Ids for times of the past, under the worker number that is kept for imports."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from domain import accounts, posts
from domain.ids import IMPORT_WORKER, SEQUENCE_MAX, AccountId, PostId, compose, millis_of
from infra.importing.outside import ImportIndex

CURSORS_MAX: Final = 100_000
_SEQUENCE: Final = SEQUENCE_MAX  # the sequence is an id's lowest bits


class BackdatedIds:
    """Hands out ids that neither a post nor an account has, in the log or in this run.

    One import at a time may do so: nothing else makes ids with this worker number.
    """

    def __init__(self, index: ImportIndex, reserved: Collection[int] = ()) -> None:
        """`reserved` ids were planned by an import that was ended before it could record them."""
        self._index = index
        self._reserved = frozenset(reserved)
        # Where the free ids of a millisecond begin, as far as is known: it saves looking.
        self._cursors: dict[int, int] = {}

    def take(self, moments: Sequence[int]) -> list[int]:
        """An id for each of the moments (Unix milliseconds); a full one runs into the next. Blocks.

        What was handed out before must be in the log by now, or be free again.
        """
        if len(self._cursors) > CURSORS_MAX:
            self._cursors.clear()
        handed: dict[int, int] = {}
        waiting = list(range(len(moments)))
        used: set[int] = set()
        while waiting:
            for n in waiting:
                handed[n] = self._next(moments[n], used)
            existing = self._existing(handed[n] for n in waiting)
            waiting = [n for n in waiting if handed[n] in existing]
        return [handed[n] for n in range(len(moments))]

    def _next(self, ms: int, used: set[int]) -> int:
        cursor = self._cursors.get(ms)
        candidate = compose(ms, IMPORT_WORKER, 0) if cursor is None else cursor
        while candidate in used or candidate in self._reserved:
            candidate = _after(candidate)
        used.add(candidate)
        self._cursors[ms] = _after(candidate)
        return candidate

    def _existing(self, ids: Iterable[int]) -> set[int]:
        by_stream = {
            stream: one
            for one in ids
            for stream in (posts.stream_of(PostId(one)), accounts.stream_of(AccountId(one)))
        }
        return {by_stream[stream] for stream in self._index.existing(by_stream)}


def _after(candidate: int) -> int:
    if candidate & _SEQUENCE < SEQUENCE_MAX:
        return candidate + 1
    return compose(millis_of(candidate) + 1, IMPORT_WORKER, 0)
