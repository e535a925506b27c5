"""`starling replay`: build a projection anew while the system serves."""

import asyncio
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Annotated, Final, NamedTuple

import msgspec
import typer

from domain.errors import Refusal
from domain.moments import Moment
from infra.cli.asking import asked, fail
from infra.cli.named import AsJson, installed, projection_named, say
from infra.cli.partial_replay import Asked, apply_again
from infra.cli.past import HELP, built_past, moment_of, planned_past
from infra.cli.replay_display import ReplayDisplay
from infra.cli.verdicts import Lines, verified, words
from infra.control.requests import Answering, SwapProjection
from infra.generations import Generation
from infra.settings import Settings
from projections.projection import Projection, StoreUnavailable
from streams.pipeline import Paused
from streams.rebuild import Cancelled, Foretelling, Rebuilt
from streams.registry import PROJECTIONS

INTERRUPTED: Final = (
    "interrupted; the same command goes on where it was, `starling projections prune` drops it"
)
INTERRUPTED_STATUS: Final = 130
CANCELLED: Final = (
    "cancelled; what was built is dropped (`starling projections cancel {}` drops what is left)"
)
CANCELLED_STATUS: Final = 3
NOT_PROVEN: Final = "not swapped; `starling projections prune {}` drops what was built"
Report = Callable[[Rebuilt], None]


class Replayed(msgspec.Struct, frozen=True):
    """What a replay did; `answering` is the live generation at its end. `eta_error`: by which part
    of the time the first estimate, after a tenth, was too long (too short: below 0). `as_of`: it
    is read as of this moment and answers nothing else."""

    projection: str
    built: int
    answering: int
    events: int
    seconds: float
    eta_error: float | None
    verified: bool
    as_of: str | None = None


class Planned(msgspec.Struct, frozen=True):
    """What a replay would do: of `events` so many are `done` already."""

    projection: str
    would_build: int
    events: int
    done: int


class How(NamedTuple):
    """How to replay: events a second at most (None: as it was told before), as of which moment;
    whether it must be proven before it answers, whether a pause is to end."""

    swap: bool = True
    per_s_max: float | None = None
    to: Moment | None = None
    processes: int = 1
    verify: bool = False
    resume: bool = False


def replay(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which projection")] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every projection")] = False,
    swap: Annotated[bool, typer.Option(help="Let the new generation answer")] = True,
    throttle: Annotated[
        float | None,
        typer.Option(
            help="At most so many events a second (0: no limit). One that was begun keeps its own",
            min=0,
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with one that was paused")
    ] = False,
    to: Annotated[str | None, typer.Option(metavar="TIME|POSITION", help=HELP)] = None,
    processes: Annotated[
        int, typer.Option(help="How many share the partitions; cluster profile", min=1, max=64)
    ] = 1,
    verify: Annotated[
        bool, typer.Option("--verify", help="It answers only if it is proven to equal the log")
    ] = False,
    account: Annotated[
        str | None, typer.Option(help="Apply again what concerns this handle or account id")
    ] = None,
    post: Annotated[str | None, typer.Option(help="Apply again what concerns this post")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Apply again what happened from then on")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Apply again what happened before then")
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="Apply again what is in it, such as new_tweet/0")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done")] = False,
    as_json: AsJson = False,
) -> None:
    """Build a projection anew from the log, beside the live one, then let it answer. Or apply a
    part of the log again to the live one: --account, --post, --since, --until, --partition."""
    if (name is None) != all_of_them:
        raise typer.BadParameter("Name a projection, or say --all")
    settings = installed()
    named = PROJECTIONS if name is None else (projection_named(name),)
    part = Asked(account, post, since, until, partition)
    if part.is_asked:
        if verify or to is not None or processes > 1 or not swap:
            fail("A part of the log is applied to the live generation: no other is built")
        apply_again(settings, named, part, throttle or inf, dry_run=dry_run, as_json=as_json)
        return
    moment = None if to is None else moment_of(settings, to)
    per_s_max = None if throttle is None else throttle or inf
    how = How(swap and to is None, per_s_max, moment, processes, verify, resume)
    _check(settings, how)
    for projection in named:
        if dry_run:
            _tell_plan(_planned(settings, projection, moment), as_json=as_json)
        else:
            _tell(built_anew(settings, projection, how, as_json=as_json), as_json=as_json)


def _check(settings: Settings, how: How) -> None:
    """Exit status 1 where options do not go together."""
    if how.to is not None and how.verify:
        fail("--to: it is not held against the log, which went on")
    if how.processes > 1 and settings.profile == "embedded":
        fail("--processes: the embedded profile's log has one partition")


def _planned(settings: Settings, projection: Projection, to: Moment | None) -> Planned:
    if to is not None:
        try:
            plan = planned_past(settings, projection, to)
        except (Refusal, StoreUnavailable) as error:
            fail(f"{projection.name}: {error}")
    elif settings.profile == "embedded":
        from infra import replaying  # noqa: PLC0415

        plan = replaying.planned(settings, projection)
    else:
        from infra.profiles import cluster_replay  # noqa: PLC0415

        plan = asyncio.run(cluster_replay.planned(settings, projection))
    return Planned(projection.name, plan.number, plan.total, min(plan.done, plan.total))


def built_anew(
    settings: Settings, projection: Projection, how: How, *, as_json: bool = False
) -> Replayed:
    """A replay, of which standard error tells how far it is. Exit status 1 where it fails."""
    # Imported here, as below: the other commands start faster without the stores.
    from infra.verifying import NotProven  # noqa: PLC0415

    building = _on_files if settings.profile == "embedded" else _on_engines
    if how.to is not None:
        building = partial(_as_of, how.to)
    last, foretelling = Rebuilt(0, 0, 0, 0.0), Foretelling()
    with ReplayDisplay(projection.name) as display:

        def report(rebuilt: Rebuilt) -> None:
            nonlocal last
            last = rebuilt
            foretelling.note(rebuilt)
            display.show(rebuilt)

        try:
            built, answering = building(settings, projection, report, how)
        except (Refusal, Paused, StoreUnavailable) as error:
            fail(f"{projection.name}: {error}")
        except Cancelled:
            display.leave(CANCELLED.format(projection.name))
            raise typer.Exit(CANCELLED_STATUS) from None
        except NotProven as error:
            told = verified(error.verdict, error.seconds)
            say(told, words(told), as_json=as_json)
            fail(f"{projection.name}: {NOT_PROVEN.format(projection.name)}")
        except KeyboardInterrupt:
            typer.echo(f"{projection.name}: {INTERRUPTED}", err=True)
            raise typer.Exit(INTERRUPTED_STATUS) from None
    error_told = None if foretelling.error is None else round(foretelling.error, 3)
    return Replayed(
        projection=projection.name,
        built=built,
        answering=answering,
        events=last.done - last.began_at,
        seconds=round(last.elapsed_s, 3),
        eta_error=error_told,
        verified=how.verify,
        as_of=None if how.to is None else how.to.name,
    )


def _on_files(
    settings: Settings, projection: Projection, report: Report, how: How
) -> tuple[int, int]:
    from infra import replaying  # noqa: PLC0415

    building = replaying.replay(
        settings, projection, report, per_s_max=how.per_s_max, resume=how.resume
    )
    one = asyncio.run(building)
    if how.verify:
        asyncio.run(_prove(settings, projection, one))
    if not how.swap or one.state == "live":
        return one.number, replaying.live(settings, projection).number
    return one.number, asked(settings, SwapProjection(projection.name), Answering).generation


def _on_engines(
    settings: Settings, projection: Projection, report: Report, how: How
) -> tuple[int, int]:
    from infra.profiles import cluster_replay  # noqa: PLC0415

    return asyncio.run(
        cluster_replay.replayed(
            settings,
            projection,
            report,
            per_s_max=how.per_s_max,
            resume=how.resume,
            processes=how.processes,
            swap=how.swap,
            check=partial(_prove, settings, projection) if how.verify else None,
        )
    )


def _as_of(
    moment: Moment, settings: Settings, projection: Projection, report: Report, how: How
) -> tuple[int, int]:
    return built_past(
        settings,
        projection,
        moment,
        report,
        per_s_max=how.per_s_max,
        resume=how.resume,
        processes=how.processes,
    )


async def _prove(settings: Settings, projection: Projection, one: Generation) -> None:
    from infra.verifying import prove  # noqa: PLC0415

    await prove(settings, projection, one, Lines().show)


def _tell_plan(plan: Planned, *, as_json: bool) -> None:
    begun = f", of which {plan.done:,} are done" if plan.done else ""
    told = (
        f"{plan.projection}: generation {plan.would_build} would be built "
        f"from {plan.events:,} events{begun}"
    )
    say(plan, told, as_json=as_json)


def _tell(replayed: Replayed, *, as_json: bool) -> None:
    pace = replayed.events / replayed.seconds if replayed.seconds else 0.0
    answers = "it answers now" if replayed.answering == replayed.built else "it does not answer yet"
    if replayed.as_of is not None:
        answers = f"it is read with As-Of: {replayed.as_of}"
    told = (
        f"{replayed.projection}: generation {replayed.built} built from {replayed.events:,} events "
        f"in {replayed.seconds:,.1f} s ({pace:,.0f} a second{_foretold(replayed.eta_error)}); "
        f"{'it equals the log; ' if replayed.verified else ''}{answers}"
    )
    say(replayed, told, as_json=as_json)


def _foretold(error: float | None) -> str:
    if error is None:
        return ""
    return f", foretold {abs(error):.0%} too {'long' if error >= 0 else 'short'}"
