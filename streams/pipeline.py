"""One projection's batches: choose, project, apply, retry, park. Knows no engine and no Faust.

What happens to an event when ... has one answer each:
the store is down: the same operations are applied again until it answers (the wait shows as lag);
the record is garbage, or the projector or the store has a bug: parked, later events of its key
follow it;
the type is unknown: the projection pauses until a newer program runs;
the process dies: the batch is read again from the checkpoint, which set semantics makes harmless.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

from domain.errors import Unavailable
from domain.events import Recorded
from projections.projection import Projection, Store, StoreUnavailable
from streams.dead_letters import DeadLetters, Parked
from streams.feed import Fed, Feed, Unreadable

RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 5.0
PARKED_IN_A_ROW_MAX: Final = 100
NOTHING_PASSED: Final[Mapping[int, int]] = MappingProxyType({})

T = TypeVar("T")


class Paused(Exception):
    """The projection must not go on: an unknown event type, or too many parked in a row."""


def _every_one(_partition: int) -> bool:
    return True


class Pipeline:
    """Takes batches, each partition's events in order, and brings its projection's store up to
    them."""

    def __init__(
        self,
        projection: Projection,
        store: Store[Any],
        dead_letters: DeadLetters,
        *,
        stalled: Callable[[str, Exception], None],
    ) -> None:
        self.projection = projection
        self.store = store
        self._dead_letters = dead_letters
        self._stalled = stalled
        self._parked_keys: frozenset[int] | None = None
        self._parked_in_a_row = 0

    async def take(
        self, batch: Sequence[Fed], passed: Mapping[int, int] = NOTHING_PASSED
    ) -> Mapping[int, int]:
        """Apply a batch and its checkpoint: the last position of each of its partitions, or how
        far events were `passed` over there that nobody wants. What was reached. Raises Paused."""
        if self._parked_keys is None:
            name = self.projection.name
            self._parked_keys = await self._until_done(lambda: self._dead_letters.keys(name))
        wanted, garbage = self._choose(batch)
        if garbage:
            await self._park(garbage)
        # A partition's events come in order, so that its last one is what stays.
        checkpoint = {fed.partition: fed.position for fed in batch}
        for partition, position in passed.items():
            checkpoint[partition] = max(position, checkpoint.get(partition, 0))
        if self._parked_keys or await self._attempt(wanted, checkpoint) is not None:
            await self._take_singly(wanted)
            await self._until_done(lambda: self.store.apply((), checkpoint))
        elif wanted:
            self._parked_in_a_row = 0
        return checkpoint

    async def settle(self, feed: Feed, owns: Callable[[int], bool] = _every_one) -> None:
        """Do what was asked for about dead letters of the partitions that it `owns`. Called
        between batches."""
        try:
            asked = await self._dead_letters.asked(self.projection.name)
        except StoreUnavailable:
            return
        for letter, discard in asked:
            if not owns(letter.partition):
                continue
            if discard:
                await self._until_done(partial(self._dead_letters.drop, letter))
            await self._retry(letter, feed)
            self._parked_keys = None

    def look_again(self) -> None:
        """Somebody else may have parked events since, or settled what was parked."""
        self._parked_keys = None

    async def _retry(self, asked: Parked, feed: Feed) -> None:
        """Apply what waits for the key, in order, as far as it can be applied now."""
        queue = await self._until_done(lambda: self._dead_letters.queue_of(asked))
        for letter in queue:
            read = partial(feed.read, letter.partition, letter.position - 1, 1)
            found = await self._until_done(read)
            error = await self._apply_again(found[0] if found else None)
            if error is not None:
                await self._until_done(partial(self._dead_letters.keep, letter, error))
                break
            await self._until_done(partial(self._dead_letters.drop, letter))

    async def _apply_again(self, fed: Fed | None) -> str | None:
        """Why it still cannot be applied; None once it is."""
        if fed is None:
            return "it is not in the log"
        if isinstance(fed, Unreadable):
            return fed.error
        return await self._attempt([fed], {fed.partition: fed.position})

    def _choose(self, batch: Sequence[Fed]) -> tuple[list[Recorded], list[Parked]]:
        """The events this projection wants, and what cannot be read."""
        wanted: list[Recorded] = []
        garbage: list[Parked] = []
        events = self.projection.events
        for fed in batch:
            if isinstance(fed, Unreadable):
                if fed.unknown_type:
                    raise Paused(f"{fed.name} at {fed.position} is newer than this program")
                garbage.append(self._parked(fed.partition, fed.position, None, fed.error))
            elif type(fed.event) in events:
                wanted.append(fed)
        return wanted, garbage

    async def _attempt(
        self, wanted: Sequence[Recorded], checkpoint: Mapping[int, int]
    ) -> str | None:
        """Apply the events; None once that is done, else the bug that stands in the way."""
        try:
            operations = self.projection.project(wanted)
            await self._until_done(lambda: self.store.apply(operations, checkpoint))
        except Exception as error:  # noqa: BLE001 - whatever it is, only its own key waits for it
            return f"{type(error).__name__}: {error}"
        return None

    async def _take_singly(self, wanted: Sequence[Recorded]) -> None:
        """Apply one event after the other; park what cannot be, and what follows it by key."""
        keys = set(self._parked_keys or ())
        for recorded in wanted:
            key, partition, position = recorded.event.key, recorded.partition, recorded.position
            error: str | None = "follows a parked event of its key"
            if key not in keys:
                error = await self._attempt([recorded], {partition: position})
            if error is None:
                self._parked_in_a_row = 0
                continue
            keys.add(key)
            await self._park([self._parked(partition, position, key, error)])
        self._parked_keys = frozenset(keys)

    async def _park(self, parked: Sequence[Parked]) -> None:
        self._parked_in_a_row += len(parked)
        if self._parked_in_a_row > PARKED_IN_A_ROW_MAX:
            raise Paused(f"{self._parked_in_a_row} events in a row could not be applied")
        await self._until_done(lambda: self._dead_letters.park(parked))

    def _parked(self, partition: int, position: int, key: int | None, error: str) -> Parked:
        return Parked(self.projection.name, partition, position, key, error)

    async def _until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        delay = RETRY_FIRST_S
        while True:
            try:
                return await attempt()
            except (StoreUnavailable, Unavailable) as error:
                self._stalled(self.projection.name, error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MAX_S)
