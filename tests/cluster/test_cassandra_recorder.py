"""The recorder passes the cases that `eventsourcing` ships, and is used by its aggregates."""

import threading
from collections.abc import Iterator
from itertools import count
from typing import ClassVar
from uuid import UUID

import pytest
from eventsourcing.persistence import (
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.tests.persistence import AggregateRecorderTestCase

from infra.cassandra.recorder import CassandraRecorder
from tests.cluster.cassandra_log import KEYSPACE, NAMESPACE
from tests.cluster.local import LocalCluster


@pytest.fixture(scope="module")
def recorder(cluster: LocalCluster) -> Iterator[CassandraRecorder]:
    port = cluster.ports.cassandra
    with CassandraRecorder("127.0.0.1", port, KEYSPACE, f"{NAMESPACE}_lib") as recorder:
        recorder.create_table()
        yield recorder
        recorder.drop_table()


_numbers = count(1)


def new_id() -> UUID:
    return UUID(int=next(_numbers))


def event(originator_id: UUID, version: int, state: bytes = b"state") -> StoredEvent:
    return StoredEvent(originator_id, version, "topic", state)


@pytest.mark.usefixtures("recorder_of_class")
class TestLibrarysAggregateCases(AggregateRecorderTestCase):
    opened: ClassVar[CassandraRecorder]

    @pytest.fixture
    def recorder_of_class(self, recorder: CassandraRecorder) -> None:
        type(self).opened = recorder

    def create_recorder(self) -> CassandraRecorder:
        return self.opened

    def new_originator_id(self) -> UUID:
        return new_id()


class TestLibrarysCasesFromVersionZero(TestLibrarysAggregateCases):
    INITIAL_VERSION = 0


del AggregateRecorderTestCase


def test_of_threads_that_insert_the_same_version_one_wins(recorder: CassandraRecorder) -> None:
    originator_id = new_id()
    won: list[bytes] = []

    def insert(state: bytes) -> None:
        try:
            recorder.insert_events([event(originator_id, 1, state)])
        except IntegrityError:
            return
        won.append(state)

    threads = [threading.Thread(target=insert, args=(b"%d" % n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [stored.state for stored in recorder.select_events(originator_id)] == won


def test_snapshots_skip_versions_but_never_go_back(recorder: CassandraRecorder) -> None:
    originator_id = new_id()
    recorder.insert_events([event(originator_id, 5)])
    recorder.insert_events([event(originator_id, 9)])

    with pytest.raises(IntegrityError):
        recorder.insert_events([event(originator_id, 7)])

    found = recorder.select_events(originator_id, gt=5, limit=3)
    assert [stored.originator_version for stored in found] == [9]


def test_events_of_several_originators_are_refused(recorder: CassandraRecorder) -> None:
    with pytest.raises(ProgrammingError):
        recorder.insert_events([event(new_id(), 1), event(new_id(), 1)])


def test_an_outage_is_the_librarys_operational_error(cluster: LocalCluster) -> None:
    with pytest.raises(OperationalError):
        CassandraRecorder("127.0.0.1", 1, KEYSPACE, NAMESPACE)
