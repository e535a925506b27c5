"""For administrators: how the projections are doing, and what they could not apply."""

from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from read_api.hydration import page_json
from read_api.lists import NO_INCLUDES, Includes, next_link, place
from read_api.ports import DeadLetter, DeadLetters, LetterPlace, Projections, ProjectionStatus
from web.paging import CursorQuery
from web.routing import Auth, Call, Reply, Route

LIST: Final = "dead-letters"


class Operations(NamedTuple):
    """What the house knows about itself."""

    projections: Projections
    dead_letters: DeadLetters


class ProjectionItem(msgspec.Struct, frozen=True):
    """How one projection is doing; `lag_seconds` is 0 where it has applied everything."""

    name: str
    version: int
    generation: int
    position: int
    head: int
    lag_events: int
    lag_seconds: float
    stalled_by: str | None
    dead_letters: int


class ProjectionsPage(msgspec.Struct, frozen=True):
    items: tuple[ProjectionItem, ...]
    includes: Includes


class DeadLettersQuery(CursorQuery, frozen=True, kw_only=True):
    projection: Annotated[str | None, Meta(description="Only this projection's")] = None


class DeadLetterItem(msgspec.Struct, frozen=True):
    """An event that a projection could not take. `requested` is what its owner was asked to do
    and has not done yet."""

    projection: str
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
        items = [_status_json(status) for status in await operations.projections.status()]
        return Reply(200, page_json(items, NO_INCLUDES))

    async def dead_letters(call: Call) -> Reply:
        limit, after = call.query.limit, place(call, LetterPlace, LIST)
        found = await operations.dead_letters.parked(call.query.projection, limit + 1, after=after)
        items = [_letter_json(letter) for letter in found[:limit]]
        more = LetterPlace(*found[limit - 1][:3]) if len(found) > limit else None
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


def _status_json(status: ProjectionStatus) -> bytes:
    return msgspec.json.encode(ProjectionItem(*status))


def _letter_json(letter: DeadLetter) -> bytes:
    projection, partition, position, number, error, requested = letter
    key = None if number is None else str(number)
    item = DeadLetterItem(projection, partition, position, key, error, requested)
    return msgspec.json.encode(item)
