"""The server that is measured: Starling as it is, and a few routes that only the bench asks.

STARLING_DATA=FOLDER STARLING_BIND=127.0.0.1:PORT python -m tests.bench.serving
"""

import asyncio
import sys
from typing import Final

import msgspec
import orjson
import uvicorn

from domain.ids import AccountId
from infra import interpreter, server
from infra.profiles.embedded import Embedded
from infra.settings import load
from infra.sqlite.home_timelines import SqliteHomeTimelines
from web.routing import Call, Reply, Route

PARTITION: Final = 0
KEEP_ALIVE_S: Final = 600


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    """An empty JSON object."""


class Readers(msgspec.Struct):
    """Whose homes are meant."""

    ids: list[AccountId]


def routes(embedded: Embedded) -> tuple[Route, ...]:
    """An empty GET and POST behind the same edge, and what the server knows of its own pace."""

    async def empty(_call: Call) -> Reply:
        return Reply(200, b"{}")

    async def positions(_call: Call) -> Reply:
        progress = embedded.progress
        at = {name: progress.position(name) for name in progress.names}
        return Reply(200, orjson.dumps({"head": embedded.feed.head(PARTITION), "at": at}))

    async def evict(call: Call) -> Reply:
        await embedded.views.home_timelines.evict(call.body.ids)
        return Reply(200, b"{}")

    async def rebuilt(_call: Call) -> Reply:
        homes = embedded.views.home_timelines
        if isinstance(homes, SqliteHomeTimelines):
            await asyncio.to_thread(homes.wait_for_rebuilds)
        return Reply(200, b"{}")

    return (
        Route(method="GET", path="/bench/empty", endpoint=empty, summary="Nothing"),
        Route(method="POST", path="/bench/empty", endpoint=empty, summary="Nothing", body=Empty),
        Route(method="GET", path="/bench/positions", endpoint=positions, summary="Positions"),
        Route(method="POST", path="/bench/evict", endpoint=evict, summary="Evict", body=Readers),
        Route(method="GET", path="/bench/rebuilt", endpoint=rebuilt, summary="Homes are ready"),
    )


def main() -> None:
    settings, _ = load()
    interpreter.tune(answers=True)
    with Embedded(settings, crashed=_stopped) as embedded:
        app = server.application(embedded, settings, more=routes(embedded))
        config = server.configured(app, settings)
        # The clients wait for one another, on a busy machine for long.
        config.timeout_keep_alive = KEEP_ALIVE_S
        uvicorn.Server(config).run()


def _stopped(projection: str, error: BaseException) -> None:
    sys.stderr.write(f"{projection} stopped: {error!r}\n")


if __name__ == "__main__":
    main()
