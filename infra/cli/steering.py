"""`starling projections pause|resume|throttle|cancel`: what a replay is told while it runs."""

import asyncio
from typing import Annotated, Final

import msgspec
import typer

from domain.errors import Refusal
from infra.cli.asking import asked, fail
from infra.cli.named import AsJson, Name, installed, projection_named, say
from infra.control.requests import ReplaySteered, SteerReplay
from infra.settings import Settings
from projections.projection import StoreUnavailable
from read_api.ports import ReplayState, ReplayStatus

NOBODY: Final = "no process goes on with it now: `starling replay {}` does"


class Told(msgspec.Struct, frozen=True):
    """A replay as it is from now on; see `read_api.ports.ReplayStatus`. `as_of` names the moment
    that it is built as of, if any."""

    projection: str
    generation: int
    state: ReplayState
    running: bool
    done: int
    total: int
    per_s: float
    left_s: float | None
    per_s_max: float | None
    as_of: str | None


Which = Annotated[
    int | None,
    typer.Option(
        "--generation", metavar="N", help="Which one's replay, where several are being built"
    ),
]


def pause(name: Name, *, generation: Which = None, as_json: AsJson = False) -> None:
    """Have the replay that is under way pause, also beyond its end, until it is to resume."""
    told = _steered(SteerReplay(name, "pause", None, generation))
    _say(told, f"paused at {_done(told.replay)}", as_json=as_json)


def resume(name: Name, *, generation: Which = None, as_json: AsJson = False) -> None:
    """Have the replay go on that was paused."""
    told = _steered(SteerReplay(name, "resume", None, generation))
    _say(told, f"goes on at {_done(told.replay)}", as_json=as_json)


def throttle(
    name: Name,
    events: Annotated[
        float, typer.Argument(help="At most so many events a second (0: no limit)", min=0)
    ],
    *,
    generation: Which = None,
    as_json: AsJson = False,
) -> None:
    """Have the replay that is under way go slower or faster."""
    told = _steered(SteerReplay(name, "throttle", events or None, generation))
    limit = told.replay.per_s_max
    pace = "as fast as it can" if limit is None else f"{limit:,.10g} events a second at most"
    _say(told, f"{pace} from {_done(told.replay)} on", as_json=as_json)


def cancel(name: Name, *, generation: Which = None, as_json: AsJson = False) -> None:
    """Drop the generation that is being built, and have its replay end. The one that answers goes
    on to answer."""
    told = _steered(SteerReplay(name, "cancel", None, generation))
    words = f"{name}: generation {told.replay.generation} is dropped"
    say(Told(told.projection, *told.replay, as_of=told.as_of), words, as_json=as_json)


def _steered(request: SteerReplay) -> ReplaySteered:
    settings = installed()
    projection_named(request.name)
    if settings.profile == "embedded":
        return asked(settings, request, ReplaySteered)
    return _on_engines(settings, request)


def _on_engines(settings: Settings, request: SteerReplay) -> ReplaySteered:
    # Imported here: it needs the clients of the engines.
    from infra.profiles import cluster_replay  # noqa: PLC0415
    from infra.replay_desk import status_of  # noqa: PLC0415

    try:
        found = asyncio.run(cluster_replay.steered(settings, request))
    except (Refusal, StoreUnavailable) as error:
        fail(str(error))
    return ReplaySteered(request.name, status_of(found), found.as_of)


def _say(told: ReplaySteered, words: str, *, as_json: bool) -> None:
    begun = told.projection if told.as_of is None else f"{told.projection} --to {told.as_of}"
    nobody = "" if told.replay.running else f"; {NOBODY.format(begun)}"
    words = f"{told.projection}: {words}{nobody}"
    say(Told(told.projection, *told.replay, as_of=told.as_of), words, as_json=as_json)


def _done(replay: ReplayStatus) -> str:
    return f"{replay.done:,} of {replay.total:,} events"
