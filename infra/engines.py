"""Where the engines of the cluster profile are: from the settings, or `starling cluster`'s."""

import re
from typing import Final, NamedTuple

from infra.cluster.engine import DATABASE, PASSWORD, USER
from infra.cluster.ports import ports_from
from infra.cluster.sockets import HOST
from infra.redis.addresses import CLUSTER_URL, SCHEME
from infra.settings import SettingError, Settings

NEO4J_USER: Final = "neo4j"
_PASSWORD: Final = re.compile("(://[^:/@]*:)[^@]*@")


class Node(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Engines(NamedTuple):
    """Everything to connect to. Kafka's servers are comma-separated HOST:PORT."""

    kafka: str
    cassandra: Node
    neo4j: str
    elasticsearch: str
    redis: str
    redis_cache: str
    postgresql: str


def engines_of(settings: Settings) -> Engines:
    """Raises SettingError where an address is none."""
    local = ports_from(settings.cluster_base_port)
    login = f"{USER}:{PASSWORD}"
    redis = settings.redis or f"redis://{HOST}:{local.redis}/0"
    return Engines(
        kafka=settings.kafka or f"{HOST}:{local.kafka}",
        cassandra=_node("cassandra", settings.cassandra or f"{HOST}:{local.cassandra}"),
        neo4j=settings.neo4j or f"bolt://{NEO4J_USER}:{PASSWORD}@{HOST}:{local.neo4j}",
        elasticsearch=settings.elasticsearch or f"http://{HOST}:{local.elasticsearch}",
        redis=redis,
        redis_cache=_redis_cache(settings, redis),
        postgresql=settings.postgresql
        or f"postgresql://{login}@{HOST}:{local.postgresql}/{DATABASE}",
    )


def _redis_cache(settings: Settings, redis: str) -> str:
    """What stands before the views is asked for keys of all kinds at once, which a cluster has in
    different places; and it may be lost, as home timelines may not."""
    if redis.startswith(SCHEME) and not CLUSTER_URL.fullmatch(redis):
        raise SettingError(f"STARLING_REDIS must be redis://... or {SCHEME}HOST:PORT,HOST:PORT")
    cache = settings.redis_cache or redis
    if cache.startswith(SCHEME):
        raise SettingError(
            "STARLING_REDIS_CACHE must be a server alone where STARLING_REDIS is none"
        )
    return cache


def _node(name: str, address: str) -> Node:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingError(f"STARLING_{name.upper()} must be HOST:PORT")
    return Node(host, int(port))


def without_password(url: str) -> str:
    """The address as it may be told."""
    return _PASSWORD.sub(r"\1***@", url)
