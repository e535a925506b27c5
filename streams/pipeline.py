"""One projection's batches: choose, project, apply, retry, park. Knows no engine and no Faust.

What happens to an event when ... has one answer each:
the store is down: the same operations are applied again until it answers (the wait shows as lag);
the record is garbage or the projector raises: parked, later events of its key follow it;
the type is unknown: the projection pauses until a newer program runs;
the process dies: the batch is read again from the checkpoint, which set semantics makes harmless.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from domain.errors import Unavailable
from domain.events import Recorded
from projections.projection import Projection, Store, StoreUnavailable
from streams.feed import Fed, Feed, Unreadable

RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 5.0
PARKED_IN_A_ROW_MAX: Final = 100


class Parked(NamedTuple):
    """An event that a projection could not take, and why; `key` None if it was unreadable."""

    projection: str
    partition: int
    position: int
    key: int | None
    error: str


class Asked(NamedTuple):
    """What an administrator asked for about a dead letter: to retry it and what follows it by
    key, or to `discard` it."""

    letter: Parked
    discard: bool


class DeadLetters(Protocol):
    """Where events wait that could not be applied. Durable before the checkpoint passes them."""

    async def park(self, parked: Sequence[Parked]) -> None:
        """Keep them; parking the same event again changes nothing. Raises StoreUnavailable."""

    async def keys(self, projection: str) -> frozenset[int]:
        """Keys with parked events: later events of theirs must follow. Raises StoreUnavailable."""

    async def asked(self, projection: str) -> Sequence[Asked]:
        """What was asked for and is not answered yet. Raises StoreUnavailable."""

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """The parked events of its key in its partition, oldest first; of an unreadable one, only
        itself. Raises StoreUnavailable."""

    async def drop(self, letter: Parked) -> None:
        """It was applied, or is discarded. Raises StoreUnavailable."""

    async def keep(self, letter: Parked, error: str) -> None:
        """It still cannot be applied: what was asked for is answered. Raises StoreUnavailable."""


class Paused(Exception):
    """The projection must not go on: an unknown event type, or too many parked in a row."""


class Pipeline:
    """Takes batches of one partition in order and brings its projection's store up to them."""

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

    async def take(self, batch: Sequence[Fed]) -> int:
        """Apply a batch and its checkpoint; the position reached. Raises Paused."""
        if self._parked_keys is None:
            self._parked_keys = await self._until_done(
                lambda: self._dead_letters.keys(self.projection.name)
            )
        wanted, garbage = self._choose(batch)
        operations, parked = self._project(wanted)
        if garbage or parked:
            await self._park([*garbage, *parked])
        elif wanted:
            self._parked_in_a_row = 0
        last = batch[-1]
        checkpoint = {last.partition: last.position}
        await self._until_done(lambda: self.store.apply(operations, checkpoint))
        return last.position

    async def settle(self, feed: Feed) -> None:
        """Do what was asked for about dead letters. Called between batches."""
        name = self.projection.name
        try:
            asked = await self._dead_letters.asked(name)
        except StoreUnavailable:
            return
        for letter, discard in asked:
            if discard:
                await self._until_done(partial(self._dead_letters.drop, letter))
            await self._retry(letter, feed)
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
        try:
            operations = self.projection.project([fed])
        except Exception as error:  # noqa: BLE001 - a projector's bug keeps it parked
            return f"{type(error).__name__}: {error}"
        passed = {fed.partition: fed.position}
        await self._until_done(lambda: self.store.apply(operations, passed))
        return None

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

    def _project(self, wanted: Sequence[Recorded]) -> tuple[Sequence[Any], list[Parked]]:
        """Operations of the batch; where the projector raises, of all events but those it
        cannot take and the ones that follow them by key."""
        if not self._parked_keys:
            try:
                return self.projection.project(wanted), []
            except Exception:  # noqa: BLE001, S110 - found one by one below, where it is parked
                pass
        return self._project_singly(wanted)

    def _project_singly(self, wanted: Sequence[Recorded]) -> tuple[list[Any], list[Parked]]:
        operations: list[Any] = []
        parked: list[Parked] = []
        keys = set(self._parked_keys or ())
        for recorded in wanted:
            key = recorded.event.key
            if key in keys:
                error = "follows a parked event of its key"
            else:
                try:
                    operations.extend(self.projection.project([recorded]))
                    continue
                except Exception as caught:  # noqa: BLE001 - a projector's bug parks the event
                    error = f"{type(caught).__name__}: {caught}"
            keys.add(key)
            parked.append(self._parked(recorded.partition, recorded.position, key, error))
        self._parked_keys = frozenset(keys)
        return operations, parked

    async def _park(self, parked: Sequence[Parked]) -> None:
        self._parked_in_a_row += len(parked)
        if self._parked_in_a_row > PARKED_IN_A_ROW_MAX:
            raise Paused(f"{self._parked_in_a_row} events in a row could not be applied")
        await self._until_done(lambda: self._dead_letters.park(parked))

    def _parked(self, partition: int, position: int, key: int | None, error: str) -> Parked:
        return Parked(self.projection.name, partition, position, key, error)

    async def _until_done(self, attempt: Callable[[], Any]) -> Any:
        delay = RETRY_FIRST_S
        while True:
            try:
                return await attempt()
            except (StoreUnavailable, Unavailable) as error:
                self._stalled(self.projection.name, error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MAX_S)


Positions = Mapping[int, int]
