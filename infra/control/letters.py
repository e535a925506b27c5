"""What the command line asks about dead letters: to list and show them, to retry and to discard."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from typing import Final, Literal

import msgspec

from commands.grant_role import OPERATOR
from commands.moderation_routes import Measure
from commands.operations_routes import AnswerDeadLetter, Operations
from commands.retry_dead_letters import RetryDeadLetters, retry_dead_letters
from domain.errors import Invalid, NotFound
from domain.events import Recorded
from domain.ids import millis_of, rfc3339
from infra.control.requests import (
    DeadLetterShown,
    DeadLettersListed,
    DeadLettersSettled,
    DiscardDeadLetter,
    EventShown,
    ListDeadLetters,
    RetryDeadLetter,
    RetryEveryDeadLetter,
    ShowDeadLetter,
)
from infra.importing.recording import give
from infra.profiles.profile import Profile
from read_api.ports import DeadLetter
from streams.dead_letters import Build, Parked
from streams.feed import Fed, Unreadable

LOOK_EVERY_S: Final = 0.05
LEFT_MAX: Final = 20

Settle = Callable[[], Awaitable[None]]


class LetterDesk:
    """One for each opened profile. Where no owner of partitions runs, `settle` does at once what
    was asked for. Every method raises NotFound, Unavailable, StoreUnavailable."""

    def __init__(self, profile: Profile, settle: Settle | None = None) -> None:
        self._profile = profile
        self._letters = profile.dead_letters
        self._settle = settle

    async def listed(self, request: ListDeadLetters) -> DeadLettersListed:
        """A page of them, of one projection or of all."""
        if request.projection is not None:
            self._require(request.projection)
        found = await self._letters.parked(request.projection, request.limit, after=request.after)
        return DeadLettersListed(tuple(found))

    async def shown(self, request: ShowDeadLetter) -> DeadLetterShown:
        """The event in clear, why it was parked, and what waits with it."""
        place = (request.projection, request.partition, request.position)
        letters = await self._at(*place)
        feed = self._profile.feed
        found = await feed.read(request.partition, request.position - 1, 1)
        here = [fed for fed in found if fed.position == request.position]
        queue = await self._letters.queue_of(_parked(letters[0]))
        return DeadLetterShown(
            tuple(letters),
            _told(here[0]) if here else None,
            ahead=tuple(one.position for one in queue if one.position < request.position),
            behind=tuple(one.position for one in queue if one.position > request.position),
        )

    async def retried(self, request: RetryDeadLetter) -> DeadLettersSettled:
        """Have one retried, and with it all of its key."""
        return await self._answered("retry", request)

    async def discarded(self, request: DiscardDeadLetter) -> DeadLettersSettled:
        """Have one dropped for good; what follows it is retried. Raises Invalid."""
        if not request.reason.strip():
            raise Invalid(("/reason", "A reason is needed: it stays in the log"))
        try:
            msgspec.convert({"reason": request.reason}, Measure)
        except msgspec.ValidationError as error:
            raise Invalid(("/reason", f"The reason cannot be taken: {error}")) from error
        return await self._answered("discard", request, reason=request.reason)

    async def retried_all(self, request: RetryEveryDeadLetter) -> DeadLettersSettled:
        """Have everything retried that a projection had to park."""
        name = request.projection
        self._require(name)
        before = await self._count(name)
        handler = partial(retry_dead_letters, dead_letters=self._letters)
        command = RetryDeadLetters(admin_id=OPERATOR, projection=name)
        await give(handler, command, self._profile.ports)
        waiting = await self._settled(partial(self._letters.unanswered, name), request.wait_s)
        left = await self._letters.parked(name, LEFT_MAX)
        return DeadLettersSettled(before, waiting, await self._count(name), tuple(left))

    async def _answered(
        self,
        answer: Literal["retry", "discard"],
        asked: RetryDeadLetter | DiscardDeadLetter,
        *,
        reason: str = "",
    ) -> DeadLettersSettled:
        place = (asked.projection, asked.partition, asked.position)
        before = await self._at(*place)
        command = AnswerDeadLetter(
            admin_id=OPERATOR,
            projection=asked.projection,
            partition=asked.partition,
            position=asked.position,
            request=answer,
            reason=reason,
        )
        handler = Operations(self._letters).answer_dead_letter
        await give(handler, command, self._profile.ports)

        async def unanswered() -> int:
            return sum(one.requested is not None for one in await self._letters.at(*place))

        waiting = await self._settled(unanswered, asked.wait_s)
        left = await self._letters.at(*place)
        return DeadLettersSettled(len(before), waiting, len(left), tuple(left))

    async def _settled(self, unanswered: Callable[[], Awaitable[int]], wait_s: float) -> int:
        """How many are still asked about when all were answered, or the time is over."""
        if self._settle is not None:
            await self._settle()
        until = monotonic() + wait_s
        while True:
            waiting = await unanswered()
            if not waiting or monotonic() > until:
                return waiting
            await asyncio.sleep(LOOK_EVERY_S)

    async def _count(self, name: str) -> int:
        counts = await self._letters.counts()
        return sum(number for build, number in counts.items() if build.projection == name)

    async def _at(self, name: str, partition: int, position: int) -> Sequence[DeadLetter]:
        self._require(name)
        found = await self._letters.at(name, partition, position)
        if not found:
            place = f"partition {partition}, position {position}"
            raise NotFound(f"{name} has no dead letter at {place}")
        return found

    def _require(self, name: str) -> None:
        names = self._profile.projection_names
        if name not in names:
            raise NotFound(f"There is no projection {name}: {', '.join(sorted(names))}")


def _parked(letter: DeadLetter) -> Parked:
    return Parked(Build(*letter[:3]), *letter[3:7])


def _told(fed: Fed) -> EventShown:
    if isinstance(fed, Unreadable):
        return EventShown("", fed.name, fed.error)
    return _told_of(fed)


def _told_of(recorded: Recorded) -> EventShown:
    event = recorded.event
    at = rfc3339(millis_of(event.event_id))
    return EventShown(at, f"{event.TYPE}.v{event.SCHEMA}", msgspec.to_builtins(event))
