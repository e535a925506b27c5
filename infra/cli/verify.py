"""`starling verify`: prove that a view equals the log, and mend it where it does not."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Final, NoReturn

import msgspec
import typer

from domain.errors import Refusal
from infra.cli.named import say
from infra.cli.replay import How, built_anew
from infra.cli.settings import load_or_exit
from infra.cli.verdicts import Lines, Outcome, Repair, Verified, Way, differences, verified, words
from infra.folder import LOG_FILE
from infra.settings import Settings
from projections.projection import Projection
from streams.answers.proof import Verdict
from streams.registry import BY_NAME, PROJECTIONS

DIFFERENT: Final = 1
COULD_NOT_TELL: Final = 2


def verify(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which projection")] = None,
    *,
    all_of_them: Annotated[bool, typer.Option("--all", help="Every projection")] = False,
    sample: Annotated[
        int | None,
        typer.Option(
            help="So many keys of each kind; 0: all (the default, but 200 home timelines "
            "without --repair)",
            min=0,
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Apply again what concerns the keys that differ, else build anew"
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Prove that a projection's view equals the log: exit status 0 if it does, 1 if it differs, 2
    if that could not be told. The temporary files are about as large as the view (TMPDIR)."""
    if (name is None) != all_of_them:
        raise typer.BadParameter("Name a projection, or say --all")
    settings = load_or_exit()
    if settings.profile == "embedded" and not (settings.data_path / LOG_FILE).is_file():
        _give_up(f"There is no log in {settings.data_path}")
    if name is not None and name not in BY_NAME:
        _give_up(f"There is no projection {name}: {', '.join(BY_NAME)}")
    projections = PROJECTIONS if name is None else (BY_NAME[name],)
    with _could_not_tell():
        if repair:
            outcomes = {_repair(settings, one, sample, as_json=as_json) for one in projections}
        else:
            outcomes = asyncio.run(_verify(settings, projections, sample, as_json=as_json))
    raise typer.Exit(_status(outcomes))


async def _verify(
    settings: Settings, projections: Sequence[Projection], sample: int | None, *, as_json: bool
) -> set[Outcome]:
    # Imported here, as below: the other commands start faster without the stores.
    from infra.verifying import UNTOLD, verdicts  # noqa: PLC0415

    outcomes: set[Outcome] = set()
    display, began = Lines(), time.monotonic()
    try:
        async for verdict in verdicts(settings, projections, display.show, sample):
            told = verified(verdict, time.monotonic() - began)
            began = time.monotonic()
            outcomes.add(told.outcome)
            display.clear()
            say(told, _advised(told), as_json=as_json)
    except UNTOLD as error:
        _give_up(str(error))
    return outcomes


def _repair(
    settings: Settings, projection: Projection, sample: int | None, *, as_json: bool
) -> Outcome:
    """Mend what differs, the shorter way if that does it."""
    from infra.reapplying import Mended, mended  # noqa: PLC0415
    from infra.verifying import UNTOLD, untold  # noqa: PLC0415

    display, began = Lines(), time.monotonic()
    try:
        found = asyncio.run(mended(settings, projection, display.show, sample=sample))
    except (*UNTOLD, Refusal) as error:
        found = Mended(untold(projection, error))
    display.clear()
    before, after = found.before, found.after or found.before
    way: Way = "applied" if before.different else "none"
    generation: int | None = None
    if before.different and not as_json:
        typer.echo(words(verified(before, time.monotonic() - began)))
    if before.different and (found.after is None or found.after.different):
        way, generation = "replayed", built_anew(settings, projection, How()).answering
        after = asyncio.run(_first(settings, projection, display, sample or 0))
    applied = 0 if found.taken is None else found.taken.applied
    told = msgspec.structs.replace(
        verified(after, time.monotonic() - began),
        repair=Repair(way, before.different, differences(before), applied, generation),
    )
    say(told, _mended_words(told), as_json=as_json)
    return told.outcome


async def _first(
    settings: Settings, projection: Projection, display: Lines, sample: int
) -> Verdict:
    from infra.verifying import verdicts  # noqa: PLC0415

    found: AsyncIterator[Verdict] = verdicts(settings, [projection], display.show, sample)
    (verdict,) = [one async for one in found]
    return verdict


def _advised(told: Verified) -> str:
    if not told.different:
        return words(told)
    return f"{words(told)}\n  starling verify {told.projection} --repair mends it from the log"


def _mended_words(told: Verified) -> str:
    repair = told.repair
    if not isinstance(repair, Repair) or repair.way == "none":
        return words(told)
    done = f"{repair.applied:,} events were applied again"
    if repair.way == "replayed":
        tried = f"{done}, which did not do; " if repair.applied else ""
        done = f"{tried}generation {repair.generation} was built and answers now"
    return f"{told.projection}: {done}\n{words(told)}"


@contextmanager
def _could_not_tell() -> Iterator[None]:
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:
        # Python's own exit status for a fault would say that the view is different.
        traceback.print_exc()
        raise typer.Exit(COULD_NOT_TELL) from error


def _status(outcomes: set[Outcome]) -> int:
    if "different" in outcomes:
        return DIFFERENT
    return COULD_NOT_TELL if "unknown" in outcomes else 0


def _give_up(reason: str) -> NoReturn:
    typer.echo(f"starling: {reason}", err=True)
    raise typer.Exit(COULD_NOT_TELL)
