"""`starling rollback`, `starling projections prune`: which generation answers, which are kept."""

import asyncio

from domain.errors import Refusal
from infra.cli.asking import asked, fail
from infra.cli.named import AsJson, Name, installed, projection_named, say
from infra.control.requests import Answering, PruneProjection, RollBackProjection
from infra.settings import Settings
from projections.projection import StoreUnavailable


def rollback(name: Name, *, as_json: AsJson = False) -> None:
    """Let the generation answer again that was live before."""
    found = _changed(installed(), RollBackProjection(projection_named(name).name))
    say(found, f"{name}: generation {found.generation} answers again", as_json=as_json)


def prune(name: Name, *, as_json: AsJson = False) -> None:
    """Drop the generations that do not answer, and what no worker fills of older versions."""
    found = _changed(installed(), PruneProjection(projection_named(name).name))
    dropped = ", ".join(map(str, found.dropped)) or "none"
    told = f"{name}: dropped generations: {dropped}"
    if found.older_versions:
        told += f"; older versions: {', '.join(map(str, found.older_versions))}"
    say(found, told, as_json=as_json)


def _changed(settings: Settings, request: RollBackProjection | PruneProjection) -> Answering:
    if settings.profile == "embedded":
        return asked(settings, request, Answering)
    # Imported here: it needs the clients of the engines.
    from infra.profiles import cluster_replay  # noqa: PLC0415

    try:
        return asyncio.run(cluster_replay.changed(settings, request))
    except (Refusal, StoreUnavailable) as error:
        fail(str(error))
