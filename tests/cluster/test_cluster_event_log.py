"""The log on Cassandra and Kafka keeps the contract."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import closing

import pytest

from commands.ports import Answer, Append, Receipt
from domain.errors import Unavailable
from domain.events import ImpressionsRecorded, Recorded
from domain.ids import AccountId
from domain.topics import Place, place_named, place_of
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.idempotency import CassandraIdempotency
from infra.cassandra.register_indexer import RegisterIndexer
from infra.cassandra.session import CassandraSession
from infra.kafka.producer import KafkaProducer
from infra.kafka.reading import KafkaRecord, PartitionReader
from infra.stamps import wall_clock_ms
from projections.projection import StoreUnavailable
from streams.envelope import Codec
from tests import facts
from tests.cluster import cassandra_log
from tests.cluster.faulty import Crash, Fault, Faults, FaultySession, FaultyTopics
from tests.cluster.local import LocalCluster
from tests.contract.event_log_contract import EventLogContract, profile_changed
from tests.golden_events import GoldenKeyring


@pytest.fixture
async def session(made: LocalCluster) -> AsyncIterator[CassandraSession]:
    async with cassandra_log.session_on(made) as session:
        await cassandra_log.empty(session)
        yield session


@pytest.fixture
async def producer(made: LocalCluster) -> AsyncIterator[KafkaProducer]:
    async with cassandra_log.producer_on(made) as producer:
        yield producer


@pytest.fixture
async def log(session: CassandraSession, producer: KafkaProducer) -> AsyncIterator[ClusterEventLog]:
    log = cassandra_log.log_on(session, producer)
    yield log
    await log.close()


@pytest.fixture
def idempotency(log: ClusterEventLog) -> CassandraIdempotency:
    return CassandraIdempotency(log, now_ms=wall_clock_ms)


class TestClusterEventLog(EventLogContract):
    @pytest.fixture
    def log(self, log: ClusterEventLog) -> ClusterEventLog:
        return log

    @pytest.fixture
    def idempotency(self, idempotency: CassandraIdempotency) -> CassandraIdempotency:
        return idempotency


async def test_the_vector_says_where_the_record_is(
    made: LocalCluster, log: ClusterEventLog
) -> None:
    tweet = facts.tweet("ada", "hello #world")

    ((name, position),) = (await log.publish([tweet])).items()

    place = place_named(name)
    assert place is not None
    (record,) = read(made, place, position - 1)
    assert record.fed(place, cassandra_log.CODEC) == Recorded(
        tweet, tweet.event_id, position, place.number
    )


async def test_an_appended_event_is_in_its_topic_with_its_version(
    made: LocalCluster, log: ClusterEventLog
) -> None:
    events = [facts.opened("ada"), profile_changed("ada", "b")]
    await log.append([Append(events[0].stream, 0, (events[0],))])

    vector = await log.append([Append(events[0].stream, 1, (events[1],))])

    ((name, position),) = vector.items()
    place = place_named(name)
    assert place is not None
    (record,) = read(made, place, position - 1)
    assert record.fed(place, cassandra_log.CODEC) == Recorded(events[1], 2, position, place.number)


async def test_who_asks_together_is_answered_as_who_asks_alone(log: ClusterEventLog) -> None:
    people = [facts.opened(name) for name in ("ada", "bob", "eve")]
    tweets = [facts.tweet("ada"), facts.tweet("bob")]
    likes = [facts.liked("eve", tweet) for tweet in tweets]
    await asyncio.gather(*(log.publish([event]) for event in (*tweets, *likes)))
    await asyncio.gather(*(log.append([Append(one.stream, 0, (one,))]) for one in people))
    changed = profile_changed("bob", "b")
    await log.append([Append(changed.stream, 1, (changed,))])
    streams = [one.stream for one in (*people, *tweets, *likes)] + ["account/1", "like/1/2"]

    latest = await asyncio.gather(*map(log.latest, streams))
    histories = await asyncio.gather(*map(log.history, streams))

    assert latest == [await log.latest(stream) for stream in streams]
    assert [one and one.event for one in latest] == [
        people[0],
        changed,
        people[2],
        *tweets,
        *likes,
        None,
        None,
    ]
    assert histories == [await log.history(stream) for stream in streams]


async def test_who_listens_hears_of_events_before_their_command_is_answered(
    session: CassandraSession, producer: KafkaProducer
) -> None:
    heard: list[Recorded] = []
    log = cassandra_log.log_on(session, producer, on_commit=[heard.extend])
    tweet, opened = facts.tweet("ada"), facts.opened("ada")

    vectors = [
        await log.publish([tweet]),
        await log.append([Append(opened.stream, 0, (opened,))]),
    ]

    assert [(one.event, one.version) for one in heard] == [(tweet, tweet.event_id), (opened, 1)]
    assert [{place_of(one.partition).name: one.position} for one in heard] == vectors


async def test_registers_that_no_decision_asks_for_are_not_indexed(
    session: CassandraSession, log: ClusterEventLog
) -> None:
    seen = ImpressionsRecorded(
        event_id=facts.event_id(), actor_id=facts.account("ada"), post_ids=(facts.post_id_of(1),)
    )

    await log.publish([seen])

    assert await session.execute(f"SELECT * FROM {cassandra_log.NAMESPACE}_registers") == []  # noqa: S608
    with pytest.raises(ValueError, match="not indexed"):
        await log.latest(seen.stream)


async def test_the_indexer_finds_what_a_dying_process_did_not_index(
    made: LocalCluster, session: CassandraSession, producer: KafkaProducer, log: ClusterEventLog
) -> None:
    tweet, like = facts.tweet("ada"), facts.liked("bob", facts.tweet("ada"))
    dying = cassandra_log.log_on(FaultySession(session, Faults(Fault.CRASH_BEFORE, 0)), producer)
    for event in (tweet, like):
        with pytest.raises(Crash):
            await dying.publish([event])
    assert await log.latest(tweet.stream) is None
    reader = PartitionReader(cassandra_log.servers(made), prefix=cassandra_log.PREFIX)
    indexer = RegisterIndexer(
        session, cassandra_log.NAMESPACE, reader, cassandra_log.topics(made).ends
    )
    await indexer.create()

    assert await indexer.catch_up() >= 2
    assert await indexer.catch_up() == 0

    for event in (tweet, like):
        found = await log.latest(event.stream)
        assert found is not None
        assert (found.event, found.version) == (event, event.event_id)
    await asyncio.to_thread(reader.close)


async def test_a_log_is_writable_unless_the_last_command_could_not_be_recorded(
    session: CassandraSession, producer: KafkaProducer
) -> None:
    faults = Faults(Fault.LOST_REQUEST, 0)
    log = cassandra_log.log_on(session, FaultyTopics(producer, faults))
    writable = [log.writable]

    with pytest.raises(Unavailable):
        await log.publish([facts.tweet("ada")])
    writable.append(log.writable)
    await log.publish([facts.tweet("ada")])
    writable.append(log.writable)

    assert writable == [True, False, True]


async def test_keys_are_prepared_before_they_are_needed(
    session: CassandraSession, producer: KafkaProducer
) -> None:
    keyring = PreparedKeyring()
    log = ClusterEventLog(
        session,
        cassandra_log.NAMESPACE,
        producer,
        Codec(keyring),
        now_ms=wall_clock_ms,
    )
    tweet, opened = facts.tweet("ada"), facts.opened("bob")
    receipt = Receipt(str(facts.account("cleo")), "key", b"", Answer(201))

    await log.publish([tweet], receipt=receipt)
    await log.append([Append(opened.stream, 0, (opened,))])
    keyring.made.clear()

    assert (await log.history(tweet.stream))[0].event == tweet
    assert (await log.history(opened.stream))[0].event == opened
    assert keyring.made == set(), "reading makes no keys"


async def test_an_outage_of_cassandra_is_told_as_such(
    made: LocalCluster, producer: KafkaProducer
) -> None:
    with pytest.raises(StoreUnavailable):
        await CassandraSession.connect("127.0.0.1", 1, cassandra_log.KEYSPACE)
    async with cassandra_log.session_on(made) as session:
        log = cassandra_log.log_on(session, producer)
    opened = facts.opened("ada")

    for asked in (
        log.append([Append(opened.stream, 0, (opened,))]),
        log.latest(opened.stream),
        log.history(facts.tweet("ada").stream),
        log.publish([facts.tweet("ada")], receipt=Receipt("7", "key", b"", Answer(201))),
    ):
        with pytest.raises(Unavailable):
            await asked


class PreparedKeyring(GoldenKeyring):
    """Refuses to work for people whose keys were not prepared, or only fetched for sealing."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[AccountId] = set()
        self.ready: set[AccountId] = set()

    async def prepare(self, person_ids: Collection[AccountId]) -> None:
        self.made.update(person_ids)

    async def fetch(self, person_ids: Collection[AccountId]) -> None:
        self.ready.update(person_ids)

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        assert person_id in self.made
        return super().seal(person_id, clear)

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        assert person_id in self.ready
        return super().open(person_id, sealed)


def read(cluster: LocalCluster, place: Place, after: int) -> Sequence[KafkaRecord]:
    reader = PartitionReader(cassandra_log.servers(cluster), prefix=cassandra_log.PREFIX)
    with closing(reader):
        return reader.read(place, after, 10)
