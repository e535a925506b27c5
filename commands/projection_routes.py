"""What administrators have done with projections: built anew, swapped, verified, mended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from commands.auditing import audited
from commands.endpoints import answering, command_route
from commands.guards import admit
from commands.handling import Decision
from commands.moderation_routes import Measure
from commands.ports import LogPart, Ports, ProjectionWork, ProjectionWorks, Steer
from domain.errors import Invalid
from domain.ids import AccountId, PostId
from domain.moments import NotAMoment, moment_named
from web.ids import IdText, id_of
from web.routing import Auth, Call, Endpoint, Route

TAG: Final = "admin"
SUMMARIES: Final[Sequence[tuple[ProjectionWork, str]]] = (
    ("replay", "Build a new generation of a projection from the log"),
    ("swap", "Let the generation answer that was built"),
    ("rollback", "Let the generation answer again that was live before"),
    ("prune", "Drop the generations that do not answer"),
    ("verify", "Prove that a projection's view equals the log"),
    ("repair", "Mend a projection's view where it does not equal the log"),
)
STEERED: Final[Sequence[tuple[Steer, str]]] = (
    ("pause", "Have the replay that is under way pause"),
    ("resume", "Have the replay go on that was paused"),
    ("cancel", "End the replay that is under way and drop what was built"),
)
THROTTLE: Final = "Have the replay that is under way go slower or faster"
REAPPLY: Final = "Apply a part of the log again to a projection's view"
NOTHING_ASKED: Final = "Say of what: an account, a post, a time or a partition"
TIMES_CHARS_MAX: Final = 40
MOMENT_CHARS_MAX: Final = 4_000
PARTITION_PATTERN: Final = "^[a-z_]{1,40}/[0-9]{1,3}$"

TimeText = Annotated[str, Meta(max_length=TIMES_CHARS_MAX, examples=["2026-01-31T10:30:00Z"])]


Pace = (
    Annotated[
        float,
        Meta(
            gt=0,
            le=1e9,
            description="At most so many events a second; without it as many as can be",
        ),
    ]
    | None
)
GenerationNumber = (
    Annotated[int, Meta(ge=1, description="Which one's, where several are being built")] | None
)


class MeasureOnPace(Measure, kw_only=True):
    """How fast a replay may go."""

    events_per_second: Pace = None


class MeasureOnReplay(MeasureOnPace, kw_only=True):
    """What a replay builds: as of a moment it is read beside the view that answers."""

    as_of: (
        Annotated[
            str,
            Meta(
                max_length=MOMENT_CHARS_MAX,
                examples=["2026-01-31T10:30:00Z", "new_tweet/3:17,new_reply/0:4"],
                description="Build the view as of then; reads ask for it in As-Of",
            ),
        ]
        | None
    ) = None


class MeasureOnGeneration(Measure, kw_only=True):
    """Whose replay is told."""

    generation: GenerationNumber = None


class MeasureOnItsPace(MeasureOnPace, kw_only=True):
    """The same, and how fast it may go."""

    generation: GenerationNumber = None


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
    per_s_max: float | None = None
    as_of: str | None = None


class SteerReplay(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the replay of a projection that is under way, with `throttle` how many events a second
    it may apply."""

    admin_id: AccountId
    projection: str
    how: Steer
    reason: str
    per_s_max: float | None = None
    generation: int | None = None


class Works:
    """The handler of this family."""

    def __init__(self, works: ProjectionWorks) -> None:
        self._works = works

    async def work_on_projection(self, command: WorkOnProjection, ports: Ports) -> Decision:
        """Raises Suspended, NotFound, Conflict (another work is under way), Unavailable."""
        admit(command.admin_id, ports)
        await self._works.begin(
            command.projection, command.work, command.part, command.per_s_max, command.as_of
        )
        action, target = f"{command.work}_projection", f"projection/{command.projection}"
        return audited(ports, command.admin_id, action, target, command.reason)

    async def steer_replay(self, command: SteerReplay, ports: Ports) -> Decision:
        """Raises Suspended, NotFound, Conflict (nothing is being built), Unavailable."""
        admit(command.admin_id, ports)
        await self._works.steer(
            command.projection, command.how, command.per_s_max, command.generation
        )
        action, target = f"{command.how}_replay", f"projection/{command.projection}"
        return audited(ports, command.admin_id, action, target, command.reason)


def routes(ports: Ports, works: ProjectionWorks) -> tuple[Route, ...]:
    """One for each work."""
    handler = Works(works)
    return (
        *(_route(work, summary, handler, ports) for work, summary in SUMMARIES),
        _reapplying(handler, ports),
        *(_steering(how, summary, MeasureOnGeneration, handler, ports) for how, summary in STEERED),
        _steering("throttle", THROTTLE, MeasureOnItsPace, handler, ports),
    )


def _route(work: ProjectionWork, summary: str, handler: Works, ports: Ports) -> Route:
    def command(call: Call) -> WorkOnProjection:
        body: Measure = call.body
        return WorkOnProjection(
            admin_id=call.account_id,
            projection=call.path["name"],
            work=work,
            reason=body.reason,
            per_s_max=body.events_per_second if isinstance(body, MeasureOnReplay) else None,
            as_of=_moment(body.as_of) if isinstance(body, MeasureOnReplay) else None,
        )

    endpoint = answering(handler.work_on_projection, command, ports, exclusive=True)
    return _work_route(work, summary, endpoint, MeasureOnReplay if work == "replay" else Measure)


def _steering(how: Steer, summary: str, body: type[Measure], handler: Works, ports: Ports) -> Route:
    def command(call: Call) -> SteerReplay:
        measure: MeasureOnGeneration | MeasureOnItsPace = call.body
        return SteerReplay(
            admin_id=call.account_id,
            projection=call.path["name"],
            how=how,
            reason=measure.reason,
            per_s_max=(
                measure.events_per_second if isinstance(measure, MeasureOnItsPace) else None
            ),
            generation=measure.generation,
        )

    endpoint = answering(handler.steer_replay, command, ports, exclusive=True)
    return _work_route(how, summary, endpoint, body)


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

    endpoint = answering(handler.work_on_projection, command, ports, exclusive=True)
    return _work_route("reapply", REAPPLY, endpoint, MeasureOnPart)


def _moment(text: str | None) -> str | None:
    """What it is called everywhere. Raises Invalid."""
    if text is None:
        return None
    try:
        return moment_named(text).name
    except NotAMoment as error:
        raise Invalid(("/as_of", str(error))) from error


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
    work: ProjectionWork | Steer, summary: str, endpoint: Endpoint, body: type[Measure]
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
