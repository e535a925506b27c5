"""Which engine each projection's store is in, in the cluster profile: one line for each."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, Literal

from infra.cached.account_directory import CachedAccountDirectory
from infra.cached.author_timelines import CachedAuthorTimelines
from infra.cached.follower_graph import CachedFollowerGraph
from infra.cached.post_cards import CachedPostCards
from infra.cassandra.author_timelines import CassandraAuthorTimelines
from infra.cassandra.conversations import CassandraConversations
from infra.cassandra.notifications import CassandraNotifications
from infra.cassandra.post_cards import CassandraPostCards
from infra.elasticsearch.search_index import ElasticsearchSearchIndex
from infra.neo4j.follower_graph import Neo4jFollowerGraph
from infra.postgresql.account_directory import PostgresqlAccountDirectory
from infra.postgresql.engagement import PostgresqlEngagement
from infra.postgresql.moderation import PostgresqlModeration
from infra.postgresql.trends import PostgresqlTrends
from infra.profiles.clients import Clients
from infra.profiles.waiting import connected
from infra.redis.home_timelines import RedisHomeTimelines
from infra.settings import Settings
from infra.stamps import wall_clock_ms
from projections.projection import Projection

GENERATION: Final = 1

Made = Callable[[Clients, str, Settings], Awaitable[Any]]
# How what stands before a store in Redis is used: to answer; also by whoever fills the store; to
# be proven together with the store; not at all. `unread` neither, of a generation that nobody reads
# before it is `shown`.
Caching = Literal["reading", "filling", "proving", "none", "unread"]


async def _home_timelines(clients: Clients, name: str, settings: Settings) -> RedisHomeTimelines:
    redis = await clients.homes()
    return RedisHomeTimelines(redis, name, threshold=settings.threshold, now_ms=wall_clock_ms)


def _on(engine: Callable[[Clients], Awaitable[Any]], store: Callable[[Any, str], Any]) -> Made:
    async def made(clients: Clients, name: str, _settings: Settings) -> Any:
        return store(await engine(clients), name)

    return made


_MADE: Final[Mapping[str, Made]] = {
    "post_cards": _on(Clients.cassandra, CassandraPostCards),
    "author_timelines": _on(Clients.cassandra, CassandraAuthorTimelines),
    "home_timelines": _home_timelines,
    "conversations": _on(Clients.cassandra, CassandraConversations),
    "follower_graph": _on(Clients.neo4j, Neo4jFollowerGraph),
    "search_index": _on(Clients.elasticsearch, ElasticsearchSearchIndex),
    "engagement": _on(Clients.postgresql, PostgresqlEngagement),
    "trends": _on(Clients.postgresql, PostgresqlTrends),
    "notifications": _on(Clients.cassandra, CassandraNotifications),
    "account_directory": _on(Clients.postgresql, PostgresqlAccountDirectory),
    "moderation": _on(Clients.postgresql, PostgresqlModeration),
}
# Those that cost less to fill while nobody reads them.
_UNREAD: Final[Mapping[str, Made]] = {
    "search_index": _on(Clients.elasticsearch, partial(ElasticsearchSearchIndex, searched=False)),
}
# Those of which pages of posts and accounts are made.
_CACHED: Final[Mapping[str, Callable[..., Any]]] = {
    "post_cards": CachedPostCards,
    "author_timelines": CachedAuthorTimelines,
    "follower_graph": CachedFollowerGraph,
    "account_directory": CachedAccountDirectory,
}


async def made(
    projection: Projection,
    clients: Clients,
    settings: Settings,
    *,
    generation: int = GENERATION,
    caching: Caching = "reading",
) -> Any:
    """The projection's store, whether or not there is anything of it yet."""
    name = clients.names.of(projection, generation)
    made_as = {**_MADE, **_UNREAD} if caching == "unread" else _MADE
    store = await made_as[projection.name](clients, name, settings)
    if caching in {"none", "unread"} or projection.name not in _CACHED:
        return store
    caches = await clients.caches()
    cache = caches.of(
        name,
        counted_as=projection.name,
        proving=caching == "proving",
        near=caching == "reading",
    )
    return _CACHED[projection.name](store, cache, fills=caching == "filling")


async def opened(
    projection: Projection,
    clients: Clients,
    settings: Settings,
    *,
    generation: int = GENERATION,
    caching: Caching = "reading",
) -> Any:
    """The projection's store, whose tables are there; waits for its engine."""
    store = await made(projection, clients, settings, generation=generation, caching=caching)
    name = clients.names.of(projection, generation)
    await connected(f"the store of {projection.name}", name, store.create)
    return store


async def shown(store: Any) -> None:
    """Let those who read the store's generation from now on find what was applied to it while it
    was `unread`. Raises StoreUnavailable."""
    if isinstance(store, ElasticsearchSearchIndex):
        await store.show()


async def prepared(store: Any, before: Any) -> None:
    """Let the store be as quick as the one before it is now: readers' homes that are kept ready
    there are kept ready here from now on. Raises StoreUnavailable."""
    if isinstance(store, RedisHomeTimelines) and isinstance(before, RedisHomeTimelines):
        await store.make_ready(await before.ready_readers())


async def closed(store: Any) -> None:
    """End what the store does beside being asked. The clients are others' too."""
    if isinstance(store, RedisHomeTimelines):
        await store.close()
