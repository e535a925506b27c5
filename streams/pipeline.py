"""One projection's batches: choose, project, apply, retry, park. Knows no engine and no Faust.

What happens to an event when ... has one answer each:
the store is down: the same operations are applied again until it answers (the wait shows as lag);
the record is garbage, or the projector or the store has a bug: parked, later events of its key
follow it; too many of these, in a row or in all, and the projection stops instead;
the type is unknown: the projection pauses until a newer program runs;
another process has claimed its partition since: it is that one's to apply (`Superseded`);
the process dies: the batch is read again from the checkpoint, which set semantics makes harmless.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from functools import partial
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, TypeVar

from domain.errors import Unavailable
from domain.events import Recorded
from projections.projection import Projection, Store, StoreUnavailable, Superseded
from streams.dead_letters import Asked, Build, DeadLetters, Parked, TooManyParked
from streams.feed import Fed, Lookup, Unreadable

RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 5.0
# A bad deployment shows soon: nothing can be applied any more.
FAILED_IN_A_ROW_MAX: Final = 100
# How long dead letters are settled before the next batch has its turn.
SETTLE_S_MAX: Final = 1.0
FOLLOWS: Final = "follows a parked event of its key"
NOTHING_PASSED: Final[Mapping[int, int]] = MappingProxyType({})

T = TypeVar("T")


class Paused(Exception):
    """The projection must not go on: an unknown event type, or too many parked in a row."""


def _every_one(_partition: int) -> bool:
    return True


class Pipeline:
    """Takes batches, each partition's events in order, and brings its projection's store up to
    them. `build` is whose dead letters these are."""

    def __init__(
        self,
        projection: Projection,
        store: Store[Any],
        dead_letters: DeadLetters,
        *,
        stalled: Callable[[str, Exception], None],
        generation: int = 1,
    ) -> None:
        self.projection = projection
        self.store = store
        self.build = Build(projection.name, projection.version, generation)
        self._dead_letters = dead_letters
        self._stalled = stalled
        self._parked_keys: frozenset[int] | None = None
        self._failed_in_a_row = 0

    async def checkpoint(self) -> Mapping[int, int]:
        """How far its store is."""
        return await self._until_done(self.store.checkpoint)

    async def take(
        self, batch: Sequence[Fed], passed: Mapping[int, int] = NOTHING_PASSED
    ) -> Mapping[int, int]:
        """Apply a batch and its checkpoint: the last position of each of its partitions, or how
        far events were `passed` over there that nobody wants. What was reached. Raises Paused, and
        Superseded."""
        if self._parked_keys is None:
            known = partial(self._dead_letters.keys, self.build)
            self._parked_keys = await self._until_done(known)
        keys = self._parked_keys
        wanted, garbage = self._choose(batch)
        # A partition's events come in order, so that its last one is what stays.
        checkpoint = {fed.partition: fed.position for fed in batch}
        for partition, position in passed.items():
            checkpoint[partition] = max(position, checkpoint.get(partition, 0))
        if garbage:
            await self._park(garbage, failed=len(garbage))
        if keys:
            wanted = await self._without_followers(wanted, keys)
        if await self._attempt(wanted, checkpoint) is not None:
            await self._take_singly(wanted, keys)
            await self._until_done(lambda: self.store.apply((), checkpoint))
        elif wanted:
            self._failed_in_a_row = 0
        return checkpoint

    async def settle(self, lookup: Lookup, owns: Callable[[int], bool] = _every_one) -> bool:
        """Do what was asked for about dead letters of the partitions that it `owns`. Called
        between batches; whether there is more to do than was done in this turn. Raises
        Superseded."""
        try:
            asked = await self._dead_letters.asked(self.build)
        except StoreUnavailable:
            return False
        queues: dict[tuple[int, int | None, int], list[Asked]] = {}
        for one in asked:
            _, partition, position, key, _ = one.letter
            if owns(partition):
                alone = position if key is None else 0
                queues.setdefault((partition, key, alone), []).append(one)
        until = monotonic() + SETTLE_S_MAX
        for queue in queues.values():
            if monotonic() > until:
                return True
            await self._answer(queue, lookup)
            # One projection's dead letters must not keep the others waiting.
            await asyncio.sleep(0)
        return False

    def look_again(self) -> None:
        """Somebody else may have parked events since, or settled what was parked."""
        self._parked_keys = None

    async def _answer(self, asked: Sequence[Asked], lookup: Lookup) -> None:
        """Discard and apply what waits for a key, in order, as far as it can be applied now."""
        self.look_again()
        for letter, discard in asked:
            if discard:
                await self._drop(letter)
        for letter in await self._until_done(lambda: self._dead_letters.queue_of(asked[0].letter)):
            try:
                found = await lookup.read(letter.partition, letter.position - 1, 1)
            except Unavailable:
                return  # It stays asked for.
            error = await self._apply_again(letter, found)
            if error is not None:
                await self._until_done(partial(self._dead_letters.keep, letter, error))
                return
            await self._drop(letter)

    async def _drop(self, letter: Parked) -> None:
        await self._until_done(partial(self._dead_letters.drop, letter))
        self._failed_in_a_row = 0

    async def _apply_again(self, letter: Parked, found: Sequence[Fed]) -> str | None:
        """Why it still cannot be applied; None once it is, or if nobody wants it after all."""
        if not found or found[0].position != letter.position:
            return "it is not in the log"
        fed = found[0]
        if isinstance(fed, Unreadable):
            return fed.error
        if type(fed.event) not in self.projection.events:
            return None
        # Parked ahead of what was taken before a crash or a pause: that is not to be passed over.
        reached = (await self.checkpoint()).get(fed.partition, 0)
        return await self._attempt([fed], {fed.partition: min(fed.position, reached)})

    def _choose(self, batch: Sequence[Fed]) -> tuple[list[Recorded], list[Parked]]:
        """The events this projection wants, and what cannot be read."""
        wanted: list[Recorded] = []
        garbage: list[Parked] = []
        events = self.projection.events
        for fed in batch:
            if isinstance(fed, Unreadable):
                if fed.unknown_type:
                    raise Paused(f"{fed.name} at {fed.position} is newer than this program")
                garbage.append(Parked(self.build, fed.partition, fed.position, None, fed.error))
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
        except Superseded:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, only its own key waits for it
            return f"{type(error).__name__}: {error}"
        return None

    async def _without_followers(
        self, wanted: Sequence[Recorded], keys: Set[int]
    ) -> list[Recorded]:
        """The others, once those that follow a parked event are parked too."""
        followers = [self._letter(one, FOLLOWS) for one in wanted if one.event.key in keys]
        if followers:
            await self._park(followers)
        return [one for one in wanted if one.event.key not in keys]

    async def _take_singly(self, wanted: Sequence[Recorded], parked_keys: Set[int]) -> None:
        """Apply one event after the other; park what cannot be, and what follows it by key."""
        keys = set(parked_keys)
        for recorded in wanted:
            if recorded.event.key in keys:
                await self._park([self._letter(recorded, FOLLOWS)])
                continue
            error = await self._attempt([recorded], {recorded.partition: recorded.position})
            if error is None:
                self._failed_in_a_row = 0
                continue
            await self._park([self._letter(recorded, error)], failed=1)
            keys.add(recorded.event.key)
        self._parked_keys = frozenset(keys)

    async def _park(self, parked: Sequence[Parked], *, failed: int = 0) -> None:
        """Keep them; so many of them failed by themselves. Raises Paused."""
        self._failed_in_a_row += failed
        if self._failed_in_a_row > FAILED_IN_A_ROW_MAX:
            raise self._paused(f"{self._failed_in_a_row} events in a row could not be applied")
        try:
            await self._until_done(lambda: self._dead_letters.park(parked))
        except TooManyParked as error:
            raise self._paused(str(error)) from error

    def _paused(self, reason: str) -> Paused:
        """What was parked of this batch is to be known when it is taken again."""
        self.look_again()
        return Paused(reason)

    def _letter(self, recorded: Recorded, error: str) -> Parked:
        event, _, position, partition = recorded
        return Parked(self.build, partition, position, event.key, error)

    async def _until_done(self, attempt: Callable[[], Awaitable[T]]) -> T:
        delay = RETRY_FIRST_S
        while True:
            try:
                return await attempt()
            except (StoreUnavailable, Unavailable) as error:
                self._stalled(self.projection.name, error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, RETRY_MAX_S)
