"""What administrators ask about dead letters."""

from collections.abc import Collection
from functools import partial
from typing import Final, Literal

import msgspec

from commands.auditing import audited
from commands.endpoints import answering, command_route
from commands.guards import admit
from commands.handling import Decision
from commands.moderation_routes import Measure
from commands.ports import DeadLetterRequests, Ports
from commands.retry_dead_letters import RetryDeadLetters, retry_dead_letters
from domain.errors import NotFound
from domain.ids import AccountId
from web.routing import Auth, Call, Route

TAG: Final = "admin"
LETTER: Final = "/v1/admin/dead-letters/{projection}/{partition:id}/{position:id}"
EVERY_LETTER: Final = "/v1/admin/dead-letters/{projection}/retry"
_MISSING: Final = frozenset({404})


class AnswerDeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Have the partition's owner retry or discard a parked event."""

    admin_id: AccountId
    projection: str
    partition: int
    position: int
    request: Literal["retry", "discard"]
    reason: str


class Operations:
    """The handlers of this family."""

    def __init__(self, dead_letters: DeadLetterRequests) -> None:
        self._dead_letters = dead_letters

    async def answer_dead_letter(self, command: AnswerDeadLetter, ports: Ports) -> Decision:
        """Asks before the event is recorded: its arrival wakes who does it. Raises Suspended,
        NotFound, Unavailable."""
        admit(command.admin_id, ports)
        place = (command.projection, command.partition, command.position)
        if not await self._dead_letters.request(*place, command.request):
            raise NotFound("There is no such dead letter")
        action = f"{command.request}_dead_letter"
        target = "/".join(("dead-letter", *map(str, place)))
        return audited(ports, command.admin_id, action, target, command.reason)


def routes(
    ports: Ports, dead_letters: DeadLetterRequests, projections: Collection[str]
) -> tuple[Route, ...]:
    """Retry and discard one, and retry all of one of the `projections`."""
    handlers = Operations(dead_letters)
    one = tuple(_answer(request, handlers, ports) for request in ("retry", "discard"))
    return (*one, _retry_every(dead_letters, ports, projections))


def _retry_every(
    dead_letters: DeadLetterRequests, ports: Ports, projections: Collection[str]
) -> Route:
    def command(call: Call) -> RetryDeadLetters:
        body: Measure = call.body
        projection = call.path["projection"]
        if projection not in projections:
            raise NotFound(f"There is no projection {projection}")
        return RetryDeadLetters(admin_id=call.account_id, projection=projection, reason=body.reason)

    handler = partial(retry_dead_letters, dead_letters=dead_letters)
    return command_route(
        "POST",
        EVERY_LETTER,
        answering(handler, command, ports, exclusive=True),
        "Retry every event that a projection could not apply",
        body=Measure,
        answers={202: None},
        errors=_MISSING,
        auth=Auth.ADMIN,
        tag=TAG,
    )


def _answer(request: Literal["retry", "discard"], handlers: Operations, ports: Ports) -> Route:
    def command(call: Call) -> AnswerDeadLetter:
        body: Measure = call.body
        return AnswerDeadLetter(
            admin_id=call.account_id,
            projection=call.path["projection"],
            partition=call.path["partition"],
            position=call.path["position"],
            request=request,
            reason=body.reason,
        )

    return command_route(
        "POST",
        f"{LETTER}/{request}",
        answering(handlers.answer_dead_letter, command, ports, exclusive=True),
        f"{request.capitalize()} an event that could not be applied",
        body=Measure,
        answers={202: None},
        errors=_MISSING,
        auth=Auth.ADMIN,
        tag=TAG,
    )
