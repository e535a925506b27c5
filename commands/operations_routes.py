"""What administrators ask of the projections: dead letters now, replay once it is built."""

from collections.abc import Collection
from typing import Final, Literal

import msgspec

from commands.answers import ACCEPTED
from commands.endpoints import answering, command_route
from commands.guards import admit
from commands.handling import Decision
from commands.moderation_routes import Measure
from commands.ports import DeadLetterRequests, Ports
from domain.errors import NotBuiltYet, NotFound
from domain.events import AdminActed
from domain.ids import AccountId
from web.routing import Auth, Call, Reply, Route

TAG: Final = "admin"
LETTER: Final = "/v1/admin/dead-letters/{projection}/{partition:id}/{position:id}"
UNBUILT: Final = ("replay", "swap", "rollback", "verify")
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
        acted = AdminActed(
            event_id=ports.stamps.event_id(),
            actor_id=command.admin_id,
            action=f"{command.request}_dead_letter",
            target="/".join(("dead-letter", *map(str, place))),
            reason=command.reason,
        )
        return Decision(ACCEPTED, publish=(acted,))


def routes(
    ports: Ports, dead_letters: DeadLetterRequests, projections: Collection[str]
) -> tuple[Route, ...]:
    """`projections` are the names that there are."""
    handlers = Operations(dead_letters)

    async def not_built_yet(call: Call) -> Reply:
        if call.path["name"] not in projections:
            raise NotFound("There is no such projection")
        raise NotBuiltYet("Replay is not built yet")

    return (
        *(_answer(request, handlers, ports) for request in ("retry", "discard")),
        *(
            Route(
                method="POST",
                path=f"/v1/admin/projections/{{name}}/{work}",
                endpoint=not_built_yet,
                summary=f"{work.capitalize()} a projection (not built yet)",
                auth=Auth.ADMIN,
                answers={202: None},
                errors=(404, 501),
                tag=TAG,
            )
            for work in UNBUILT
        ),
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
        answering(handlers.answer_dead_letter, command, ports),
        f"{request.capitalize()} an event that could not be applied",
        body=Measure,
        answers={202: None},
        errors=_MISSING,
        auth=Auth.ADMIN,
        tag=TAG,
    )
