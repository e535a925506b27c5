"""For administrators: an event that could not be applied, in clear, and what waits with it."""

from typing import Any, Final, Protocol

import msgspec

from web.routing import Auth, Call, Reply, Route

LETTER: Final = "/v1/admin/dead-letters/{projection}/{partition:id}/{position:id}"


class OpenedLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What the log has at a dead letter's place: when it happened, its type and its fields, ids as
    texts, or a text that says why it cannot be read; null where that is not known. `ahead` and
    `behind` are the positions of what waits with it by key."""

    projection: str
    partition: int
    position: int
    at: str | None
    type: str | None
    event: dict[str, Any] | str | None
    ahead: tuple[int, ...]
    behind: tuple[int, ...]


class LettersInClear(Protocol):
    """Dead letters with their events."""

    async def opened(self, projection: str, partition: int, position: int) -> OpenedLetter:
        """One of them. Raises NotFound, Unavailable, StoreUnavailable."""


def routes(letters: LettersInClear) -> tuple[Route, ...]:
    """The route of this resource."""

    async def endpoint(call: Call) -> Reply:
        path = call.path
        found = await letters.opened(path["projection"], path["partition"], path["position"])
        return Reply(200, msgspec.json.encode(found))

    return (
        Route(
            method="GET",
            path=LETTER,
            endpoint=endpoint,
            summary="An event that could not be applied, in clear",
            auth=Auth.ADMIN,
            answers={200: OpenedLetter},
            errors=(404,),
            tag="admin",
        ),
    )
