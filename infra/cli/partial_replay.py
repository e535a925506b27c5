"""`starling replay NAME --account ...`: a part of the log is applied again to the live view."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
import typer

from domain.errors import Refusal
from domain.positions import EMBEDDED_LOG
from domain.topics import place_named
from infra.cli.asking import asked, fail
from infra.cli.named import say
from infra.cli.verdicts import Lines, TellDifference, differences, lines_of
from infra.control.requests import AccountFound, FindAccount
from infra.settings import Settings
from projections.projection import Projection, StoreUnavailable
from streams.answers.concerned import Part
from streams.answers.keys import Key
from streams.answers.proof import Step
from streams.dead_letters import Parked
from streams.pipeline import Paused
from streams.reapply import Looked

TOLD_MAX: Final = 20


class Asked(NamedTuple):
    """The part of the log that is named on the command line."""

    account: str | None
    post: str | None
    since: str | None
    until: str | None
    partition: str | None

    @property
    def is_asked(self) -> bool:
        """Whether any part is."""
        return any(one is not None for one in self)


class NotAgain(msgspec.Struct, frozen=True):
    """An event that cannot be applied."""

    partition: int
    position: int
    error: str


class AppliedPart(msgspec.Struct, frozen=True):
    """What a partial replay did, to the generation that answers."""

    projection: str
    generation: int
    applied: int
    failed: tuple[NotAgain, ...]


class PlannedPart(msgspec.Struct, frozen=True):
    """What it would do: of the keys that its events name, so many do not answer as the log says."""

    projection: str
    generation: int
    events: int
    keys: int
    different: int
    differences: tuple[TellDifference, ...]
    error: str | None


def apply_again(
    settings: Settings,
    projections: Sequence[Projection],
    part_asked: Asked,
    per_s_max: float,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do it, or say what it would be; exit status 1 where it fails."""
    part, failed = _part(settings, part_asked), False
    for projection in projections:
        try:
            if dry_run:
                _plan(settings, projection, part, as_json=as_json)
            else:
                failed |= not _apply(settings, projection, part, per_s_max, as_json=as_json)
        except (Refusal, Paused, StoreUnavailable, TimeoutError) as error:
            fail(f"{projection.name}: {error}")
    if failed:
        raise typer.Exit(1)


def _apply(
    settings: Settings, projection: Projection, part: Part, per_s_max: float, *, as_json: bool
) -> bool:
    """Whether every event could be applied."""
    # Imported here, as below: the other commands start faster without the stores.
    from infra.reapplying import reapplied  # noqa: PLC0415

    display = Lines()

    def looked(one: Looked) -> None:
        display.show(projection.name, Step("reading", one.done, one.total))

    taken, generation = asyncio.run(
        reapplied(settings, projection, part, looked, per_s_max=per_s_max)
    )
    display.clear()
    failed = tuple(NotAgain(one.partition, one.position, one.error) for one in taken.failed)
    told = AppliedPart(projection.name, generation, taken.applied, failed)
    lines = [
        f"{projection.name}: {taken.applied:,} events applied again to generation {generation}",
        *(_not_applied(one) for one in taken.failed[:TOLD_MAX]),
    ]
    say(told, "\n".join(lines), as_json=as_json)
    return not failed


def _not_applied(one: Parked) -> str:
    return f"  not {one.position} of partition {one.partition}, which cannot be: {one.error}"


def _plan(settings: Settings, projection: Projection, part: Part, *, as_json: bool) -> None:
    from infra.reapplying import planned  # noqa: PLC0415

    display = Lines()
    plan = asyncio.run(planned(settings, projection, part, display.show))
    display.clear()
    verdict = plan.verdict
    told = PlannedPart(
        projection=projection.name,
        generation=plan.generation,
        events=plan.events,
        keys=verdict.keys,
        different=verdict.different,
        differences=differences(verdict),
        error=verdict.error,
    )
    lines = [
        f"{projection.name}: {plan.events:,} events would be applied again to generation "
        f"{plan.generation}; of the {verdict.keys:,} keys that they name "
        f"{verdict.different:,} do not answer as the log says",
        *lines_of(told.differences),
    ]
    say(told, "\n".join(lines), as_json=as_json)


def _part(settings: Settings, part: Asked) -> Part:
    keys: set[Key] = set()
    if part.account is not None:
        keys.add(Key("account", _account(settings, part.account)))
    if part.post is not None:
        keys.add(Key("post", _number(part.post, "--post takes the id of a post")))
    return Part(
        keys=frozenset(keys),
        since_ms=_millis(part.since),
        until_ms=_millis(part.until),
        partitions=frozenset(_partitions(settings, part.partition)),
    )


def _account(settings: Settings, named: str) -> int:
    if named.isascii() and named.isdecimal():
        return int(named)
    return int(asked(settings, FindAccount(named), AccountFound).account_id)


def _number(text: str, reason: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        fail(reason)
    return int(text)


def _millis(text: str | None) -> int | None:
    """Unix milliseconds of a time in RFC 3339; one without an offset is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text} is not a time in RFC 3339, such as 2026-01-31T10:30:00Z")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _partitions(settings: Settings, name: str | None) -> Sequence[int]:
    if name is None:
        return ()
    if settings.profile == "embedded":
        if name != EMBEDDED_LOG:
            fail(f"The embedded profile's log has one partition, {EMBEDDED_LOG}")
        return (0,)
    place = place_named(name)
    if place is None:
        fail(f"There is no partition {name}; they are called such as new_tweet/0")
    return (place.number,)
