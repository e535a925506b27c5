"""The ASGI application of a profile, and how it is served."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette

from commands.routes import routes as command_routes
from infra.profiles.embedded import Embedded
from infra.settings import Settings
from read_api.routes import routes as read_routes
from web.app import Edge, build
from web.limits import RateLimits

# The projections' thread and the server's share one interpreter lock: a shorter turn keeps
# requests from waiting 5 ms each time the other one computes.
SWITCH_INTERVAL_S: Final = 0.0005
BACKLOG: Final = 2_048


def application(embedded: Embedded, settings: Settings) -> Starlette:
    """Commands and reads over an opened profile, which starts and stops with the application."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        embedded.start()
        try:
            yield
        finally:
            await asyncio.to_thread(embedded.close)

    edge = Edge(
        authenticator=embedded.identity,
        progress=embedded.progress,
        limits=RateLimits(enabled=settings.rate_limits == "on"),
    )
    routes = (*read_routes(embedded.views), *command_routes(embedded.ports))
    return build(routes, edge, lifespan=lifespan)


def serve(app: Starlette, settings: Settings) -> None:
    """Serve until a signal asks to stop; what was accepted is finished first."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    host, port = settings.address
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )
