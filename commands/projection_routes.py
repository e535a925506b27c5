"""What administrators have done with projections: built anew, swapped, verified."""

from collections.abc import Sequence
from typing import Final

import msgspec

from commands.answers import ACCEPTED
from commands.endpoints import answering, command_route
from commands.guards import admit
from commands.handling import Decision
from commands.moderation_routes import Measure
from commands.ports import Ports, ProjectionWork, ProjectionWorks
from domain.events import AdminActed
from domain.ids import AccountId
from web.routing import Auth, Call, Route

TAG: Final = "admin"
SUMMARIES: Final[Sequence[tuple[ProjectionWork, str]]] = (
    ("replay", "Build a new generation of a projection from the log"),
    ("swap", "Let the generation answer that was built"),
    ("rollback", "Let the generation answer again that was live before"),
    ("verify", "Prove that a projection's view equals the log"),
)


class WorkOnProjection(msgspec.Struct, frozen=True, kw_only=True):
    """Begin a work that goes on after the answer."""

    admin_id: AccountId
    projection: str
    work: ProjectionWork
    reason: str


class Works:
    """The handler of this family."""

    def __init__(self, works: ProjectionWorks) -> None:
        self._works = works

    async def work_on_projection(self, command: WorkOnProjection, ports: Ports) -> Decision:
        """Raises Suspended, NotFound, Conflict (another work is under way), Unavailable."""
        admit(command.admin_id, ports)
        await self._works.begin(command.projection, command.work)
        acted = AdminActed(
            event_id=ports.stamps.event_id(),
            actor_id=command.admin_id,
            action=f"{command.work}_projection",
            target=f"projection/{command.projection}",
            reason=command.reason,
        )
        return Decision(ACCEPTED, publish=(acted,))


def routes(ports: Ports, works: ProjectionWorks) -> tuple[Route, ...]:
    """One for each work."""
    handler = Works(works)
    return tuple(_route(work, summary, handler, ports) for work, summary in SUMMARIES)


def _route(work: ProjectionWork, summary: str, handler: Works, ports: Ports) -> Route:
    def command(call: Call) -> WorkOnProjection:
        body: Measure = call.body
        return WorkOnProjection(
            admin_id=call.account_id,
            projection=call.path["name"],
            work=work,
            reason=body.reason,
        )

    return command_route(
        "POST",
        f"/v1/admin/projections/{{name}}/{work}",
        answering(handler.work_on_projection, command, ports),
        summary,
        body=Measure,
        answers={202: None},
        errors=frozenset({404}),
        auth=Auth.ADMIN,
        tag=TAG,
    )
