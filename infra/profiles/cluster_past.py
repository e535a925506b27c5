"""The views as of moments that are past, on the engines: in namespaces beside the live ones."""

from typing import Any

from domain.events import Recorded
from infra.as_of import OpenedMoments
from infra.generations import SideGeneration
from infra.moments import KnownMoments
from infra.profiles.clients import Clients
from infra.profiles.cluster_stores import closed, made
from infra.projection_status import Replays
from infra.settings import Settings
from read_api.views import Views
from streams.registry import projection_named


class PastStores:
    """Opens the stores as of moments. Nothing stands before them in Redis: they are read by few.
    What was dropped is not made again."""

    def __init__(self, known: KnownMoments, clients: Clients, settings: Settings) -> None:
        self._known = known
        self._clients = clients
        self._settings = settings

    def views(self, live: Views, replays: Replays) -> OpenedMoments:
        """The views over them."""
        return OpenedMoments(self._known, live, self.open, closed, replays)

    async def open(self, one: SideGeneration) -> Any:
        """One of them. Raises StoreUnavailable."""
        projection = projection_named(one.build.projection)
        number = one.build.number
        return await made(
            projection, self._clients, self._settings, generation=number, caching="none"
        )

    async def take(self, closing: Recorded) -> None:
        """Have all of them take the closing of an account, though it came later than they end.
        Raises StoreUnavailable."""
        for one in await self._known.every():
            store = await self.open(one)
            operations = projection_named(one.build.projection).project([closing])
            await store.apply(operations, {})
            await closed(store)
