"""The server of the cluster profile that is measured, with an empty GET and POST at its edge."""

import asyncio

import uvicorn
import uvloop

from infra import interpreter, server
from infra.profiles.cluster import Cluster
from infra.settings import Settings, load
from tests.bench.serving import KEEP_ALIVE_S, Empty
from web.routing import Call, Reply, Route


async def empty(_call: Call) -> Reply:
    """As little as an endpoint can do."""
    return Reply(200, b"{}")


ROUTES = (
    Route(method="GET", path="/bench/empty", endpoint=empty, summary="Nothing"),
    Route(method="POST", path="/bench/empty", endpoint=empty, summary="Nothing", body=Empty),
)


async def serve(settings: Settings) -> None:
    """Until a signal says stop."""
    cluster = await Cluster.open(settings)
    app = server.application(cluster, settings, more=ROUTES)
    config = server.configured(app, settings)
    config.timeout_keep_alive = KEEP_ALIVE_S
    await uvicorn.Server(config).serve()


def main() -> None:
    settings, _ = load()
    interpreter.tune(answers=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))


if __name__ == "__main__":
    main()
