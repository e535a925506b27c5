"""Partial replay, into the generation that answers: a part of the log is applied again.

On the embedded profile it is the server that applies, if one serves the folder: it keeps rows in
its memory. Which events they are is found out here.
"""

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from infra.settings import Settings
from infra.verifying import Installation, proof
from infra.verifying import Report as ReportSteps
from infra.verifying import installation as opened_installation
from projections.projection import Projection
from streams.answers.concerned import Part
from streams.answers.keys import Known
from streams.answers.proof import NAMED_MAX, Step, Verdict
from streams.reapply import Looked, Selected, Taken, reapply

Report = Callable[[Looked], None]

# Of these kinds a key is named by too many events; what is wrong there is known by its ids.
_KNOWN_BY_IDS: Final = frozenset({"day", "term", "list"})


class Reapplied(NamedTuple):
    """What was applied again, to which generation."""

    taken: Taken
    generation: int


class Planned(NamedTuple):
    """What would be applied again: so many events; `verdict` is of the keys that they name."""

    events: int
    generation: int
    verdict: Verdict


class Mended(NamedTuple):
    """`before` is what was found; the events that concern what differed were applied again, and
    `after` is what was found then, of the keys that differed. Neither where nothing differed, or
    too much."""

    before: Verdict
    taken: Taken | None = None
    after: Verdict | None = None


async def reapplied(
    settings: Settings,
    projection: Projection,
    part: Part,
    report: Report,
    *,
    per_s_max: float = inf,
) -> Reapplied:
    """Apply a part of the log again to the live generation, which goes on to answer.

    Raises AlreadyBuilt, Paused, Unavailable, StoreUnavailable.
    """
    async with opened_installation(settings) as there:
        taken = await _reapplied(there, projection, part, report, per_s_max)
        return Reapplied(taken, (await there.live(projection)).number)


async def planned(
    settings: Settings, projection: Projection, part: Part, report: ReportSteps
) -> Planned:
    """What that would be. Nothing is changed. Raises Paused, Unavailable, StoreUnavailable."""

    def looked(one: Looked) -> None:
        report(projection.name, Step("reading", one.done, one.total))

    async with opened_installation(settings) as there:
        live = await there.live(projection)
        ends = await there.ends(projection)
        selected = Selected(projection, there.feed, ends, part, looked)
        events = 0
        async for batch in selected.batches():
            events += len(batch)
        async with proof(there, projection, live, settings) as comparing:
            verdict = await comparing.told(report, among=selected.known)
        return Planned(events, live.number, verdict)


async def mended(
    settings: Settings,
    projection: Projection,
    report: ReportSteps,
    *,
    sample: int | None = None,
) -> Mended:
    """Prove the live view for so many keys of each kind (None: all), and apply the events again
    that concern what differs. Raises AlreadyBuilt, infra.verifying.UNTOLD."""

    def looked(one: Looked) -> None:
        report(projection.name, Step("reading", one.done, one.total))

    async with opened_installation(settings) as there:
        live = await there.live(projection)
        async with proof(there, projection, live, settings) as comparing:
            before = await comparing.told(report, sample=sample or 0)
            part = _concerned(before)
            if before.different > NAMED_MAX or not part.is_about_something:
                return Mended(before)
            taken = await _reapplied(there, projection, part, looked, inf)
            await comparing.view.renew()
            wrong = Known({key.kind for key in before.wrong})
            for key in before.wrong:
                wrong.add(key)
            after = await comparing.told(report, sample=0, among=wrong)
            return Mended(before, taken, after)


def _concerned(verdict: Verdict) -> Part:
    keys = {key for key in verdict.wrong if key.kind not in _KNOWN_BY_IDS}
    return Part(keys=frozenset(keys), ids=frozenset(verdict.ids))


async def _reapplied(
    there: Installation, projection: Projection, part: Part, report: Report, per_s_max: float
) -> Taken:
    ends = await there.ends(projection)
    selected = Selected(projection, there.feed, ends, part, report)
    async with there.sink(projection) as sink:
        return await reapply(selected, sink, per_s_max=per_s_max)
