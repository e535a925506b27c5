"""The ASGI application of a profile, and how it is served."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import uvicorn
import uvloop
from starlette.applications import Starlette

from commands import operations_routes, projection_routes
from commands.routes import routes as command_routes
from infra import interpreter, json_logs
from infra.backstage import AttendedServer, backstage, sample_is_due
from infra.folder import FolderInUse
from infra.letters_in_clear import LettersInClear
from infra.overload import shedding
from infra.profiles.embedded import Embedded
from infra.profiles.profile import Profile
from infra.projection_works import ProjectionWorks
from infra.settings import Settings
from read_api import dead_letters
from read_api.as_of import PastReads
from read_api.operations import Operations
from read_api.routes import routes as read_routes
from read_api.stream import Streaming
from read_api.views import Views
from web import documentation, operations, site
from web.app import Edge, build
from web.limits import RateLimits
from web.routing import Route

BACKLOG: Final = 2_048
SHUTDOWN_S: Final = 10

log = logging.getLogger("starling")


def application(
    profile: Profile, settings: Settings, *, part: str = "all", more: Sequence[Route] = ()
) -> Starlette:
    """Commands, reads or both, and `more`, over an opened profile, which starts and stops with
    it."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with profile.running(), works.running():
            yield

    works = ProjectionWorks(settings, profile.generations, profile.projection_names)
    streaming = Streaming(profile.live, profile.progress, profile.identity)
    known = Operations(
        profile.projections, profile.owners, profile.dead_letters, works, profile.past
    )

    def reads_over(views: Views) -> tuple[Route, ...]:
        return read_routes(views, streaming, known)

    edge = Edge(
        authenticator=profile.identity,
        progress=profile.progress,
        limits=RateLimits(enabled=settings.rate_limits == "on"),
        outages=profile.outages,
        past=PastReads(profile.past, reads_over),
        begin_reads=profile.begin_reads,
    )
    reads = () if part == "commands" else reads_over(profile.views)
    return build(
        (*_routes(profile, works, part, reads), *more),
        edge,
        lifespan=lifespan,
        origins=settings.allowed_origins,
        observe=profile.metrics.observe,
    )


def _routes(
    profile: Profile, works: ProjectionWorks, part: str, reads: Sequence[Route]
) -> Sequence[Route]:
    served = tuple(reads)
    if part != "commands":
        served += dead_letters.routes(LettersInClear(profile))
    if part != "reads":
        served += command_routes(profile.ports)
        served += operations_routes.routes(
            profile.ports, profile.dead_letters, profile.projection_names
        )
        served += projection_routes.routes(profile.ports, works)
    served += operations.routes(parts=profile.parts, exposition=profile.metrics.exposition)
    page = site.routes() if part != "commands" else ()
    return (*served, *documentation.routes(served), *page)


def run(settings: Settings, part: str) -> int:
    """Serve until a signal asks to stop; what was accepted is finished first. The exit status."""
    interpreter.tune(answers=True)
    json_logs.configure(settings.log_level)
    try:
        if settings.profile == "cluster":
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(_serve_cluster(settings, part))
        return _serve_embedded(settings, part)
    except FolderInUse as error:
        sys.stderr.write(f"starling: {error}\n")
        return 1


def _serve_embedded(settings: Settings, part: str) -> int:
    embedded = Embedded(settings, crashed=_report)
    config = configured(
        application(embedded, settings, part=part), settings, streams=lambda: embedded.live.streams
    )
    sample = settings.sample == "1" and part != "reads" and asyncio.run(sample_is_due(embedded))
    beside = partial(backstage, embedded, settings.url, with_sample=sample)
    server = AttendedServer(config, beside)
    server.run()
    return 0 if server.started else 1


async def _serve_cluster(settings: Settings, part: str) -> int:
    # Imported here: it needs the clients of the engines, which the embedded profile has not got.
    from infra.profiles.cluster import Cluster  # noqa: PLC0415

    cluster = await Cluster.open(settings)
    config = configured(
        application(cluster, settings, part=part), settings, streams=lambda: cluster.live.streams
    )
    beside = partial(backstage, cluster, settings.url, with_sample=False)
    server = AttendedServer(config, beside)
    await server.serve()
    return 0 if server.started else 1


def configured(
    app: Starlette, settings: Settings, *, streams: Callable[[], int] = lambda: 0
) -> uvicorn.Config:
    """How every server of ours serves; `streams` tells how many of its requests are streams."""
    host, port = settings.address
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=shedding(streams),
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_S,
        # When one request's reads began says nothing of the next one's on its connection.
        reset_contextvars=True,
    )


def _report(projection: str, error: BaseException) -> None:
    log.critical("The projection %s stopped", projection, exc_info=error)
