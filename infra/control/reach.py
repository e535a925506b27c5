"""Where a request is done: by the server that serves the folder, else here, on the folder."""

import asyncio
import time
from typing import Final

from infra.control.client import NobodyServes, RequestFailed, ask
from infra.control.operator import EXPECTED, Operator
from infra.control.requests import Request, Result
from infra.folder import FolderInUse
from infra.importing.tally import Report
from infra.profiles.embedded import Embedded
from infra.settings import Settings
from streams.registry import joined
from streams.runner import PARTITION

# A server locks its folder a moment before it listens.
STARTING_S: Final = 5.0
RETRY_S: Final = 0.1


def perform(settings: Settings, request: Request, report: Report) -> Result:
    """Do it, wherever it can be done. Raises RequestFailed."""
    patience_until = time.monotonic() + STARTING_S
    while True:
        try:
            return ask(settings.data_path, request, report)
        except NobodyServes:
            pass
        try:
            return _perform_here(settings, request, report)
        except FolderInUse as error:
            if time.monotonic() > patience_until:
                raise RequestFailed(str(error)) from error
        time.sleep(RETRY_S)


def _perform_here(settings: Settings, request: Request, report: Report) -> Result:
    if settings.profile == "cluster":
        try:
            return asyncio.run(_in_cluster(settings, request, report))
        except EXPECTED as error:
            raise RequestFailed(str(error)) from error
    with Embedded(settings, crashed=_unheard) as embedded:
        try:
            return asyncio.run(_at_rest(embedded, request, report))
        except EXPECTED as error:
            raise RequestFailed(str(error)) from error


async def _in_cluster(settings: Settings, request: Request, report: Report) -> Result:
    # Imported here: it needs the clients of the engines, which the embedded profile has not got.
    from infra.profiles.cluster import Cluster  # noqa: PLC0415

    cluster = await Cluster.open(settings)
    async with cluster.running():
        return await Operator(cluster).perform(request, report)


async def _at_rest(embedded: Embedded, request: Request, report: Report) -> Result:
    """The projections stand still: they follow when the server runs."""
    for projection, store in joined(embedded.views):
        position = (await store.checkpoint()).get(PARTITION, 0)
        embedded.progress.advance(projection.name, position)
    return await Operator(embedded, embedded.runner.settle).perform(request, report)


def _unheard(projection: str, error: BaseException) -> None:
    raise RuntimeError(f"{projection} cannot stop: it never ran") from error
