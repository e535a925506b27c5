"""Resolve a report: say what became of it."""

import msgspec

from commands.answers import NO_CONTENT
from commands.guards import admit
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import moderation
from domain.errors import NotFound
from domain.events import ReportResolved
from domain.ids import AccountId, EventId


class ResolveReport(msgspec.Struct, frozen=True, kw_only=True):
    admin_id: AccountId
    report_id: EventId
    resolution: str


async def resolve_report(command: ResolveReport, ports: Ports) -> Decision:
    """A report may be resolved anew: the latest resolution counts.

    Raises Suspended (the administrator), Invalid, NotFound.
    """
    admit(command.admin_id, ports)
    moderation.check_resolution(command.resolution)
    if await ports.log.latest(moderation.report_of(command.report_id)) is None:
        raise NotFound("There is no such report")
    resolved = ReportResolved(
        event_id=ports.stamps.event_id(),
        actor_id=command.admin_id,
        report_id=command.report_id,
        resolution=command.resolution,
    )
    latest = await ports.log.latest(resolved.stream)
    if not moderation.resolves(resolved, latest):
        return Decision(NO_CONTENT)
    version = 0 if latest is None else latest.version
    return Decision(NO_CONTENT, append=(Append(resolved.stream, version, (resolved,)),))
