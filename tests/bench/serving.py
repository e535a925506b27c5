"""The server that is measured: Starling as it is, and a few routes that only the bench asks.

    STARLING_DATA=FOLDER STARLING_BIND=127.0.0.1:PORT python -m tests.bench.serving
"""

import asyncio
from typing import Final

import msgspec
import orjson

from domain.ids import AccountId
from infra import server
from infra.profiles.embedded import Embedded
from infra.settings import load
from streams.registry import joined
from web.routing import Call, Reply, Route

PARTITION: Final = 0


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
        names = [projection.name for projection, _ in joined(embedded.views)]
        at = {name: embedded.progress.position(name) for name in names}
        return Reply(200, orjson.dumps({"head": embedded.feed.head(PARTITION), "at": at}))

    async def evict(call: Call) -> Reply:
        await embedded.views.home_timelines.evict(call.body.ids)
        return Reply(200, b"{}")

    async def rebuilt(_call: Call) -> Reply:
        await asyncio.to_thread(embedded.views.home_timelines.wait_for_rebuilds)
        return Reply(200, b"{}")

    return (
        Route(method="GET", path="/bench/empty", endpoint=empty, summary="Nothing"),
        Route(method="POST", path="/bench/empty", endpoint=empty, summary="Nothing", body=Empty),
        Route(method="GET", path="/bench/positions", endpoint=positions, summary="Positions"),
        Route(method="POST", path="/bench/evict", endpoint=evict, summary="Evict", body=Readers),
        Route(method="GET", path="/bench/rebuilt", endpoint=rebuilt, summary="Homes are ready"),
    )


def main() -> None:
    import sys, os, uvicorn
    from contextlib import asynccontextmanager
    from web.app import Edge, build
    from web.limits import RateLimits
    from commands.routes import routes as command_routes
    from read_api import timelines, posts, accounts, graph
    settings, _ = load()
    sys.setswitchinterval(float(os.environ.get('SWI','0.0005')))
    e=Embedded(settings, crashed=lambda n,x: print('CRASH',n,repr(x),file=sys.stderr))
    @asynccontextmanager
    async def lifespan(_):
        e.start()
        try: yield
        finally: await asyncio.to_thread(e.close)
    v=e.views
    app=build((*timelines.routes(v),*posts.routes(v),*accounts.routes(v),*graph.routes(v),*command_routes(e.ports),*routes(e)),Edge(authenticator=e.identity,progress=e.progress,limits=RateLimits(enabled=False)),lifespan=lifespan)
    h,p=settings.address
    uvicorn.Server(uvicorn.Config(app,host=h,port=p,loop='uvloop',http='httptools',backlog=2048,access_log=False,server_header=False,log_level='warning',timeout_graceful_shutdown=5)).run()


if __name__ == "__main__":
    main()
