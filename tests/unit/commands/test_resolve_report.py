"""Resolving a report."""

import pytest

from commands.resolve_report import ResolveReport, resolve_report
from domain.errors import Invalid, NotFound, Suspended
from domain.events import ReportFiled, ReportResolved
from domain.ids import EventId
from tests import facts
from tests.acting import World, account, next_id

HAL = account("hal")
POSTED = facts.tweet("bob")
FILED = ReportFiled(
    event_id=facts.event_id(),
    actor_id=account("ada"),
    post_id=POSTED.post_id,
    post_author_id=account("bob"),
    reason="spam",
)


def resolve(resolution: str = "dismissed", report_id: EventId = FILED.event_id) -> ResolveReport:
    return ResolveReport(admin_id=HAL, report_id=report_id, resolution=resolution)


async def test_a_resolution_is_appended() -> None:
    world = World().given(POSTED, FILED)

    reply = await world.when(resolve_report, resolve())

    assert world.news == [
        ReportResolved(
            event_id=next_id(), actor_id=HAL, report_id=FILED.event_id, resolution="dismissed"
        )
    ]
    assert reply.status == 204


async def test_the_same_resolution_again_records_nothing() -> None:
    world = World().given(POSTED, FILED)
    await world.when(resolve_report, resolve())

    reply = await world.when(resolve_report, resolve())

    assert (reply.status, len(world.news)) == (204, 1)


async def test_a_report_may_be_resolved_anew() -> None:
    world = World().given(POSTED, FILED)
    await world.when(resolve_report, resolve())

    await world.when(resolve_report, resolve("post hidden"))

    assert [recorded.version for recorded in world.fakes.log.recorded[-2:]] == [1, 2]


async def test_a_report_that_nobody_filed_is_not_found() -> None:
    with pytest.raises(NotFound):
        await World().when(resolve_report, resolve())


@pytest.mark.parametrize("resolution", ["", " ", "x" * 201, "nul \0"])
async def test_a_resolution_that_says_nothing_or_too_much_is_refused(resolution: str) -> None:
    with pytest.raises(Invalid):
        await World().given(POSTED, FILED).when(resolve_report, resolve(resolution))


async def test_a_suspended_administrator_cannot_resolve() -> None:
    world = World().given(POSTED, FILED)
    world.fakes.refusals.suspended_ids.add(HAL)

    with pytest.raises(Suspended):
        await world.when(resolve_report, resolve())
