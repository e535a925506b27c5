"""Which port of this machine each engine listens on, counted from one base."""

from typing import Final, NamedTuple

BASE: Final = 19_400


class Ports(NamedTuple):
    """All of them on the loopback address. The order is the order of the numbers."""

    kafka: int
    kafka_controller: int
    cassandra: int
    cassandra_storage: int
    cassandra_storage_tls: int
    neo4j: int
    elasticsearch: int
    elasticsearch_transport: int
    redis: int
    postgresql: int


def ports_from(base: int = BASE) -> Ports:
    """Consecutive ports, the first of which is `base`."""
    return Ports(*range(base, base + len(Ports._fields)))
