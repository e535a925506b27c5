"""For administrators: how the projections are doing, and what they could not apply."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from read_api.hydration import page_json
from read_api.lists import NO_INCLUDES, Includes, next_link, place
from read_api.ports import (
    DeadLetter,
    DeadLetters,
    LetterPlace,
    Owned,
    Owners,
    Projections,
    ProjectionStatus,
    ReplayState,
    ReplayStatus,
    SideView,
    SideViews,
    Works,
    WorkState,
    WorkStatus,
)
from web.paging import CursorQuery
from web.routing import Auth, Call, Reply, Route

LIST: Final = "dead-letters"


class Operations(NamedTuple):
    """What the house knows about itself."""

    projections: Projections
    owners: Owners
    dead_letters: DeadLetters
    works: Works
    side_views: SideViews


class WorkItem(msgspec.Struct, frozen=True):
    """What an administrator asked this server for. `told`: how far it is, what came of it, or why
    it failed; `different`: verified, and not what the log says."""

    work: Literal["replay", "swap", "rollback", "prune", "verify", "repair", "reapply"]
    state: WorkState
    told: str


class ReplayItem(msgspec.Struct, frozen=True):
    """A generation that is being built from the log: of `total` events so many are `done`. It is
    `stopped` where no process goes on with it; `seconds_left` is null before it is known,
    `events_per_second_max` where there is no limit."""

    generation: int
    state: ReplayState
    running: bool
    done: int
    total: int
    events_per_second: float
    seconds_left: float | None
    events_per_second_max: float | None


class SideViewItem(msgspec.Struct, frozen=True):
    """A generation as of a moment that is past, which a read asks for in `As-Of`; `at` is what the
    clock said then, `vector` how far the log was. It can be read once it is `whole`; until then
    `replay` is how far it is."""

    generation: int
    as_of: str
    at: str
    vector: dict[str, int]
    whole: bool
    replay: ReplayItem | None


class PartitionItem(msgspec.Struct, frozen=True):
    """How far a projection is in one partition of the log. `owner` is the process that takes what
    comes of it, host and process id; null where nobody does or where that cannot be told."""

    name: str
    position: int
    head: int
    owner: str | None


class ProjectionItem(msgspec.Struct, frozen=True):
    """How one projection is doing; `lag_seconds` is 0 where it has applied everything. `replay` is
    of its next generation, `work` the newest that this server was asked for."""

    name: str
    version: int
    generation: int
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    stalled_by: str | None
    dead_letters: int
    replay: ReplayItem | None
    partitions: tuple[PartitionItem, ...]
    work: WorkItem | None
    side_views: tuple[SideViewItem, ...]


class ProjectionsPage(msgspec.Struct, frozen=True):
    items: tuple[ProjectionItem, ...]
    includes: Includes


class DeadLettersQuery(CursorQuery, frozen=True, kw_only=True):
    projection: Annotated[str | None, Meta(description="Only this projection's")] = None


class DeadLetterItem(msgspec.Struct, frozen=True):
    """An event that a generation of a projection could not take. `requested` is what its owner
    was asked to do and has not done yet."""

    projection: str
    version: int
    generation: int
    partition: int
    position: int
    key: str | None
    error: str
    requested: Literal["retry", "discard"] | None


class DeadLettersPage(msgspec.Struct, frozen=True):
    items: tuple[DeadLetterItem, ...]
    includes: Includes


def routes(operations: Operations) -> tuple[Route, ...]:
    """The routes of this resource."""

    async def projections(_call: Call) -> Reply:
        works = operations.works.newest()
        found = await status_with_owners(operations.projections, operations.owners)
        beside = await operations.side_views.built()
        items = [_status_json(status, works.get(status.name), beside) for status in found]
        return Reply(200, page_json(items, NO_INCLUDES))

    async def dead_letters(call: Call) -> Reply:
        limit, after = call.query.limit, place(call, LetterPlace, LIST)
        found = await operations.dead_letters.parked(call.query.projection, limit + 1, after=after)
        items = [_letter_json(letter) for letter in found[:limit]]
        more = LetterPlace(*found[limit - 1][:5]) if len(found) > limit else None
        return Reply(200, page_json(items, NO_INCLUDES), next_link(call, more, LIST))

    return (
        Route(
            method="GET",
            path="/v1/admin/projections",
            endpoint=projections,
            summary="How the projections are doing",
            auth=Auth.ADMIN,
            answers={200: ProjectionsPage},
            tag="admin",
        ),
        Route(
            method="GET",
            path="/v1/admin/dead-letters",
            endpoint=dead_letters,
            summary="Events that could not be applied",
            auth=Auth.ADMIN,
            query=DeadLettersQuery,
            answers={200: DeadLettersPage},
            tag="admin",
        ),
    )


async def status_with_owners(
    projections: Projections, owners: Owners
) -> Sequence[ProjectionStatus]:
    """Every projection, and who has its partitions."""
    found, owned = await asyncio.gather(projections.status(), owners.owned())
    return [_with_owners(one, owned) for one in found]


def _with_owners(status: ProjectionStatus, owned: Owned) -> ProjectionStatus:
    of_it = owned.get(status.name, {})
    return status._replace(
        partitions=tuple(one._replace(owner=of_it.get(one.name)) for one in status.partitions)
    )


def _status_json(
    status: ProjectionStatus, work: WorkStatus | None, beside: Sequence[SideView]
) -> bytes:
    item = ProjectionItem(
        *status[:-2],
        replay=_replay_item(status.replay),
        partitions=tuple(PartitionItem(*one) for one in status.partitions),
        work=None if work is None else WorkItem(*work),
        side_views=tuple(
            SideViewItem(
                one.generation,
                one.as_of,
                one.at,
                dict(one.vector),
                one.whole,
                _replay_item(one.replay),
            )
            for one in beside
            if one.projection == status.name
        ),
    )
    return msgspec.json.encode(item)


def _replay_item(replay: ReplayStatus | None) -> ReplayItem | None:
    return None if replay is None else ReplayItem(*replay)


def _letter_json(letter: DeadLetter) -> bytes:
    key = None if letter.key is None else str(letter.key)
    item = DeadLetterItem(*letter[:5], key, letter.error, letter.requested)
    return msgspec.json.encode(item)
