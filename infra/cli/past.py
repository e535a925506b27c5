"""`starling replay --to`: a projection as of a moment that is past, beside the live one."""

import asyncio
from collections.abc import Callable
from typing import Final

from domain.moments import Moment, NotAMoment, moment_named
from domain.positions import EMBEDDED_LOG
from infra.cli.asking import fail
from infra.generations import Plan
from infra.settings import Settings
from projections.projection import Projection
from streams.rebuild import Rebuilt

HELP: Final = (
    "Build it as of a moment that is past: a time, a position (embedded profile), or positions "
    "such as new_tweet/3:17,new_reply/0:4; it is read with As-Of and never answers otherwise"
)


def moment_of(settings: Settings, text: str) -> Moment:
    """What --to names. Exit status 1 where it is no moment."""
    if text.isascii() and text.isdigit():
        if settings.profile == "cluster":
            fail("--to: topics have a position for each partition: new_tweet/3:17,new_reply/0:4")
        text = f"{EMBEDDED_LOG}:{text}"
    try:
        return moment_named(text)
    except NotAMoment as error:
        fail(f"--to: {error}")


def built_past(
    settings: Settings,
    projection: Projection,
    moment: Moment,
    report: Callable[[Rebuilt], None],
    *,
    per_s_max: float | None,
    resume: bool,
    processes: int,
) -> tuple[int, int]:
    """Build it: its number, and that of the generation that answers. Raises Refusal, Paused,
    Cancelled, StoreUnavailable."""
    # Imported here, as below: the other commands start faster without the stores.
    if settings.profile == "embedded":
        from infra import replaying, replaying_past  # noqa: PLC0415

        one = asyncio.run(
            replaying_past.replay_past(
                settings, projection, moment, report, per_s_max=per_s_max, resume=resume
            )
        )
        return one.build.number, replaying.live(settings, projection).number
    from infra.profiles import cluster_past_replay  # noqa: PLC0415

    return asyncio.run(
        cluster_past_replay.replayed_past(
            settings,
            projection,
            moment,
            report,
            per_s_max=per_s_max,
            resume=resume,
            processes=processes,
        )
    )


def planned_past(settings: Settings, projection: Projection, moment: Moment) -> Plan:
    """What that would do. Raises Refusal, StoreUnavailable."""
    if settings.profile == "embedded":
        from infra import replaying_past  # noqa: PLC0415

        return asyncio.run(replaying_past.planned_past(settings, projection, moment))
    from infra.profiles import cluster_past_replay  # noqa: PLC0415

    return asyncio.run(cluster_past_replay.planned_past(settings, projection, moment))
