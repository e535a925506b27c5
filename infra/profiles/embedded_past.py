"""The views as of moments that are past, of the embedded profile: files beside the live ones."""

from typing import Any

from infra.as_of import OpenedMoments
from infra.folder import DataFolder
from infra.generations import SideGeneration
from infra.profiles.embedded_stores import Surroundings, opened
from infra.projection_status import Replays
from infra.sqlite.moments import SqliteMoments
from projections.projection import StoreUnavailable
from read_api.views import Views
from streams.registry import projection_named


def past_views(
    known: SqliteMoments,
    folder: DataFolder,
    around: Surroundings,
    live: Views,
    replays: Replays,
) -> OpenedMoments:
    """Those of a folder. Their clock stands still."""

    async def open_store(one: SideGeneration) -> Any:
        path = folder.projection(*one.build[:3])
        if not path.exists():
            raise StoreUnavailable(f"{path.name} is not there")
        then = around._replace(now_ms=lambda: one.moment.at_ms)
        return opened(projection_named(one.build.projection), path, then)

    async def close_store(store: Any) -> None:
        store.close()

    return OpenedMoments(known, live, open_store, close_store, replays)
