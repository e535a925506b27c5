"""What operators and their machines ask: is it alive, is it ready, what does it measure."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from web.routing import Auth, Call, Reply, Route

TAG: Final = "operations"
LOG: Final = "log"
EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"

State = Literal["up", "degraded", "down"]


class Part(msgspec.Struct, frozen=True):
    """Something this process needs; `detail` says what is wrong with it, or how far it is."""

    name: str
    state: State
    detail: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """The whole is down only without the log: all else is waited for or answered without."""

    state: State
    parts: tuple[Part, ...]


class Liveness(msgspec.Struct, frozen=True):
    state: Literal["up"]


Parts = Callable[[], Awaitable[Sequence[Part]]]


def routes(*, parts: Parts, exposition: Callable[[], Awaitable[bytes]]) -> tuple[Route, ...]:
    """The probes. `parts` tells the state of each part, the one named LOG among them;
    `exposition` is the metrics in Prometheus's text format."""

    async def alive(_call: Call) -> Reply:
        return Reply(200, msgspec.json.encode(Liveness("up")))

    async def ready(_call: Call) -> Reply:
        found = readiness(await parts())
        headers = (("Retry-After", "1"),) if found.state == "down" else ()
        return Reply(503 if headers else 200, msgspec.json.encode(found), headers)

    async def metrics(_call: Call) -> Reply:
        return Reply(200, await exposition(), (), None, EXPOSITION)

    def probe(path: str, endpoint: Callable[[Call], Awaitable[Reply]], summary: str) -> Route:
        return Route(
            method="GET",
            path=path,
            endpoint=endpoint,
            summary=summary,
            auth=Auth.NONE,
            answers=_ANSWERS[path],
            tag=TAG,
            limited=False,
        )

    return (
        probe("/livez", alive, "Whether the process answers"),
        probe("/readyz", ready, "Whether commands and reads are served, part by part"),
        probe("/metrics", metrics, "Measurements for Prometheus"),
    )


_ANSWERS: Final[Mapping[str, Mapping[int, Any]]] = {
    "/livez": {200: Liveness},
    "/readyz": {200: Readiness, 503: Readiness},
    "/metrics": {200: "text/plain"},
}


def readiness(parts: Sequence[Part]) -> Readiness:
    """The whole of the parts."""
    if any(part.name == LOG and part.state == "down" for part in parts):
        return Readiness("down", tuple(parts))
    whole: State = "up" if all(part.state == "up" for part in parts) else "degraded"
    return Readiness(whole, tuple(parts))
