"""Where the engines of the cluster profile are: from the settings, or `starling cluster`'s."""

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from infra.cluster.engine import DATABASE, PASSWORD, USER
from infra.cluster.ports import ports_from
from infra.cluster.sockets import HOST
from infra.settings import SettingError, Settings

NEO4J_USER: Final = "neo4j"


class Node(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Neo4jServer(NamedTuple):
    """`url` has no credentials, so that it can be told."""

    url: str
    user: str
    password: str


class Engines(NamedTuple):
    """Everything to connect to. Kafka's servers are comma-separated HOST:PORT."""

    kafka: str
    cassandra: Node
    neo4j: Neo4jServer
    elasticsearch: str
    redis: str
    postgresql: str


def engines_of(settings: Settings) -> Engines:
    """Raises SettingError where an address is none."""
    local = ports_from(settings.cluster_base_port)
    login = f"{USER}:{PASSWORD}"
    return Engines(
        kafka=settings.kafka or f"{HOST}:{local.kafka}",
        cassandra=_node("cassandra", settings.cassandra or f"{HOST}:{local.cassandra}"),
        neo4j=_neo4j(settings.neo4j or f"bolt://{NEO4J_USER}:{PASSWORD}@{HOST}:{local.neo4j}"),
        elasticsearch=settings.elasticsearch or f"http://{HOST}:{local.elasticsearch}",
        redis=settings.redis or f"redis://{HOST}:{local.redis}/0",
        postgresql=settings.postgresql
        or f"postgresql://{login}@{HOST}:{local.postgresql}/{DATABASE}",
    )


def _node(name: str, address: str) -> Node:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingError(f"STARLING_{name.upper()} must be HOST:PORT")
    return Node(host, int(port))


def _neo4j(url: str) -> Neo4jServer:
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        raise SettingError("STARLING_NEO4J must be bolt://USER:PASSWORD@HOST:PORT")
    port = f":{parts.port}" if parts.port else ""
    bare = f"{parts.scheme}://{parts.hostname}{port}"
    return Neo4jServer(bare, parts.username or NEO4J_USER, parts.password or "")
