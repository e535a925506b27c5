"""One value written to an engine and read back, with the client that the product uses."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple, cast

import neo4j
import psycopg
from cassandra.cluster import Cluster as CassandraCluster
from cassandra.cluster import Session
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from elasticsearch import Elasticsearch
from redis import Redis

from infra.cluster.engine import PASSWORD
from infra.cluster.ports import Ports
from infra.cluster.postgresql import Postgresql

# The clients' own time-outs are shorter than a busy machine lets an engine stand still.
ANSWER_S: Final = 120.0
NAME: Final = "round_trips"


class RoundTrip(NamedTuple):
    """`write` returns once the engine has acknowledged the value."""

    write: Callable[[Ports, str], None]
    read: Callable[[Ports], str]


def write_kafka(ports: Ports, value: str) -> None:
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": f"127.0.0.1:{ports.kafka}"}
    admin = AdminClient(servers)
    admin.create_topics([NewTopic(NAME, 1, 1)])[NAME].result(ANSWER_S)
    failures: list[Any] = []
    producer = Producer(servers | {"enable.idempotence": True})
    producer.produce(NAME, value.encode(), on_delivery=lambda error, _: failures.append(error))
    assert producer.flush(ANSWER_S) == 0
    assert failures == [None]


def read_kafka(ports: Ports) -> str:
    consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{ports.kafka}", "group.id": "nobody"})
    with closing(consumer):
        consumer.assign([TopicPartition(NAME, 0, 0)])
        message: Message | None = consumer.poll(ANSWER_S)
    assert message is not None
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    return cast("bytes", message.value()).decode()


def write_cassandra(ports: Ports, value: str) -> None:
    with cassandra(ports) as session:
        session.execute(
            "CREATE KEYSPACE round_trips WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.execute("CREATE TABLE round_trips.notes (id int PRIMARY KEY, note text)")
        insert = "INSERT INTO round_trips.notes (id, note) VALUES (1, %s) IF NOT EXISTS"
        assert session.execute(insert, [value]).was_applied


def read_cassandra(ports: Ports) -> str:
    with cassandra(ports) as session:
        return str(session.execute("SELECT note FROM round_trips.notes WHERE id = 1").one().note)


@contextmanager
def cassandra(ports: Ports) -> Iterator[Session]:
    client = CassandraCluster(
        ["127.0.0.1"],
        port=ports.cassandra,
        connect_timeout=ANSWER_S,
        control_connection_timeout=ANSWER_S,
    )
    try:
        session = client.connect()
        session.default_timeout = ANSWER_S
        yield session
    finally:
        client.shutdown()


def write_neo4j(ports: Ports, value: str) -> None:
    with graph(ports) as driver:
        driver.execute_query("CREATE (:Note {id: 1, note: $note})", note=value)


def read_neo4j(ports: Ports) -> str:
    with graph(ports) as driver:
        return str(driver.execute_query("MATCH (n:Note {id: 1}) RETURN n.note").records[0][0])


def graph(ports: Ports) -> neo4j.Driver:
    return neo4j.GraphDatabase.driver(f"bolt://127.0.0.1:{ports.neo4j}", auth=("neo4j", PASSWORD))


def write_elasticsearch(ports: Ports, value: str) -> None:
    with search(ports) as client:
        assert client.info()["version"]["number"].startswith("9.")
        client.indices.create(index=NAME, mappings={"properties": {"note": {"type": "text"}}})
        client.index(
            index=NAME, id="1", document={"note": value}, version=7, version_type="external"
        )


def read_elasticsearch(ports: Ports) -> str:
    with search(ports) as client:
        client.indices.refresh(index=NAME)
        found = client.search(index=NAME, query={"match_all": {}})
        return str(found["hits"]["hits"][0]["_source"]["note"])


def search(ports: Ports) -> Elasticsearch:
    return Elasticsearch(f"http://127.0.0.1:{ports.elasticsearch}", request_timeout=ANSWER_S)


def write_redis(ports: Ports, value: str) -> None:
    with closing(Redis(port=ports.redis)) as redis:
        assert redis.set(NAME, value)


def read_redis(ports: Ports) -> str:
    with closing(Redis(port=ports.redis, decode_responses=True)) as redis:
        return str(redis.get(NAME))


def write_postgresql(ports: Ports, value: str) -> None:
    with psycopg.connect(Postgresql(ports).url) as connection:
        connection.execute("CREATE TABLE notes (note text)")
        connection.execute("INSERT INTO notes VALUES (%s)", [value])


def read_postgresql(ports: Ports) -> str:
    with psycopg.connect(Postgresql(ports).url) as connection:
        row = connection.execute("SELECT note FROM notes").fetchone()
    assert row is not None
    return str(row[0])


ROUND_TRIPS: Final = {
    "kafka": RoundTrip(write_kafka, read_kafka),
    "cassandra": RoundTrip(write_cassandra, read_cassandra),
    "neo4j": RoundTrip(write_neo4j, read_neo4j),
    "elasticsearch": RoundTrip(write_elasticsearch, read_elasticsearch),
    "redis": RoundTrip(write_redis, read_redis),
    "postgresql": RoundTrip(write_postgresql, read_postgresql),
}
