"""What administrators have done with projections: built anew, swapped, verified, mended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from commands.answers import ACCEPTED
from commands.endpoints import answering, command_route
from commands.guards import admit
from commands.handling import Decision
from commands.moderation_routes import Measure
from commands.ports import LogPart, Ports, ProjectionWork, ProjectionWorks
from domain.errors import Invalid
from domain.events import AdminActed
from domain.ids import AccountId, PostId
from web.ids import IdText, id_of
from web.routing import Auth, Call, Endpoint, Route

TAG: Final = "admin"
SUMMARIES: Final[Sequence[tuple[ProjectionWork, str]]] = (
    ("replay", "Build a new generation of a projection from the log"),
    ("swap", "Let the generation answer that was built"),
    ("rollback", "Let the generation answer again that was live before"),
    ("verify", "Prove that a projection's view equals the log"),
    ("repair", "Mend a projection's view where it does not equal the log"),
)
REAPPLY: Final = "Apply a part of the log again to a projection's view"
NOTHING_ASKED: Final = "Say of what: an account, a post, a time or a partition"
TIMES_CHARS_MAX: Final = 40
PARTITION_PATTERN: Final = "^[a-z_]{1,40}/[0-9]{1,3}$"

TimeText = Annotated[str, Meta(max_length=TIMES_CHARS_MAX, examples=["2026-01-31T10:30:00Z"])]


class MeasureOnPart(Measure, kw_only=True):
    """Which part of the log, of which one member at least is needed: what concerns an account or a
    post, what happened `since` one time and before another, what is in a partition."""

    account_id: IdText | None = None
    post_id: IdText | None = None
    since: TimeText | None = None
    until: TimeText | None = None
    partition: Annotated[str, Meta(pattern=PARTITION_PATTERN)] | None = None


class WorkOnProjection(msgspec.Struct, frozen=True, kw_only=True):
    """Begin a work that goes on after the answer."""

    admin_id: AccountId
    projection: str
    work: ProjectionWork
    reason: str
    part: LogPart | None = None


class Works:
    """The handler of this family."""

    def __init__(self, works: ProjectionWorks) -> None:
        self._works = works

    async def work_on_projection(self, command: WorkOnProjection, ports: Ports) -> Decision:
        """Raises Suspended, NotFound, Conflict (another work is under way), Unavailable."""
        admit(command.admin_id, ports)
        await self._works.begin(command.projection, command.work, command.part)
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
    return (
        *(_route(work, summary, handler, ports) for work, summary in SUMMARIES),
        _reapplying(handler, ports),
    )


def _route(work: ProjectionWork, summary: str, handler: Works, ports: Ports) -> Route:
    def command(call: Call) -> WorkOnProjection:
        body: Measure = call.body
        return WorkOnProjection(
            admin_id=call.account_id,
            projection=call.path["name"],
            work=work,
            reason=body.reason,
        )

    return _work_route(
        work, summary, answering(handler.work_on_projection, command, ports), Measure
    )


def _reapplying(handler: Works, ports: Ports) -> Route:
    def command(call: Call) -> WorkOnProjection:
        body: MeasureOnPart = call.body
        return WorkOnProjection(
            admin_id=call.account_id,
            projection=call.path["name"],
            work="reapply",
            reason=body.reason,
            part=_part(body),
        )

    endpoint = answering(handler.work_on_projection, command, ports)
    return _work_route("reapply", REAPPLY, endpoint, MeasureOnPart)


def _part(body: MeasureOnPart) -> LogPart:
    """Raises Invalid."""
    for name, text in (("since", body.since), ("until", body.until)):
        if text is not None:
            _check_time(name, text)
    part = LogPart(
        account_id=None if body.account_id is None else AccountId(id_of(body.account_id)),
        post_id=None if body.post_id is None else PostId(id_of(body.post_id)),
        since=body.since,
        until=body.until,
        partition=body.partition,
    )
    if part == LogPart():
        raise Invalid(("", NOTHING_ASKED))
    return part


def _check_time(name: str, text: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid((f"/{name}", "It is not a time in RFC 3339")) from error


def _work_route(
    work: ProjectionWork, summary: str, endpoint: Endpoint, body: type[Measure]
) -> Route:
    return command_route(
        "POST",
        f"/v1/admin/projections/{{name}}/{work}",
        endpoint,
        summary,
        body=body,
        answers={202: None},
        errors=frozenset({404}),
        auth=Auth.ADMIN,
        tag=TAG,
    )
