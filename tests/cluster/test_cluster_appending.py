"""Appending when processes die and answers get lost: decided is decided, published, in order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, NamedTuple

import pytest
from cassandra.query import BatchType
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.ports import Append, VersionConflict
from domain.errors import Unavailable
from domain.events import (
    AccountClosed,
    AccountFollowed,
    AccountOpened,
    HandleClaimed,
    HandleReleased,
    PairState,
    Profile,
    ProfileChanged,
    Standing,
)
from domain.ids import AccountId, EventId
from domain.positions import Vector
from domain.topics import Place
from infra.cassandra.event_log import ClusterEventLog
from infra.cassandra.intents import SLOT_MS, Intent, Intents
from infra.cassandra.log_tables import LogTables, Statement
from infra.cassandra.session import CassandraSession
from infra.stamps import wall_clock_ms
from projections.projection import StoreUnavailable
from streams.records import Record
from tests import facts
from tests.cluster import cassandra_log
from tests.cluster.faulty import Crash, Fault, Faults, FaultySession, FaultyTopics, Topics
from tests.cluster.local import LocalCluster

STEPS_MAX: Final = 40
EXAMPLES_MAX: Final = 15

# Waves of commands at the same time, each with what fails at which step.
Plan = list[list[tuple[Fault | None, int]]]
plans: Final = st.lists(
    st.lists(st.tuples(st.sampled_from([None, *Fault]), st.integers(0, 9)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)
_accounts = count(1)


@pytest.fixture(scope="module")
def made(cluster: LocalCluster) -> Iterator[LocalCluster]:
    asyncio.run(cassandra_log.make(cluster))
    yield cluster
    asyncio.run(cassandra_log.remove(cluster))


class World:
    """The engines; processes that come and go; a clock that is put forward."""

    def __init__(self, session: CassandraSession) -> None:
        self.session = session
        self.topics = Topics()
        self.ms = wall_clock_ms()

    def process(self, faults: Faults | None = None) -> ClusterEventLog:
        if faults is None:
            return cassandra_log.log_on(self.session, self.topics, now_ms=lambda: self.ms)
        return cassandra_log.log_on(
            FaultySession(self.session, faults),
            FaultyTopics(self.topics, faults),
            now_ms=lambda: self.ms,
        )

    async def relayed(self) -> int:
        """Another process does what was left; then nothing must be left."""
        self.ms += 4 * SLOT_MS
        found = await self.process().relay.catch_up()
        rows = await self.session.execute(f"SELECT * FROM {cassandra_log.NAMESPACE}_intents")  # noqa: S608
        assert rows == []
        return found


@asynccontextmanager
async def new_world(made: LocalCluster) -> AsyncIterator[World]:
    async with cassandra_log.session_on(made) as session:
        await cassandra_log.empty(session)
        world = World(session)
        await world.process().create()
        yield world


@pytest.fixture
async def world(made: LocalCluster) -> AsyncIterator[World]:
    async with new_world(made) as world:
        yield world


def somebody() -> AccountId:
    return AccountId(facts.account("ada") + next(_accounts))


def followed(actor: AccountId, target: AccountId) -> Append:
    event = AccountFollowed(
        event_id=facts.event_id(),
        actor_id=actor,
        target_id=target,
        after=PairState(low=Standing(follows=True)),
    )
    return Append(event.stream, 0, (event,))


def claimed(account: AccountId, handle: str, version: int = 0) -> Append:
    event = HandleClaimed(event_id=facts.event_id(), actor_id=account, handle_key=handle)
    return Append(event.stream, version, (event,))


def opened(account: AccountId, handle: str) -> Append:
    event = AccountOpened(
        event_id=EventId(account),
        actor_id=account,
        handle_key=handle,
        personal=Profile("a", "A", ""),
    )
    return Append(event.stream, 0, (event,))


def signed_up(account: AccountId, version: int = 0) -> list[Append]:
    handle = f"of-{account}"
    return [claimed(account, handle, version), opened(account, handle)]


def closed(account: AccountId) -> list[Append]:
    gone = AccountClosed(event_id=facts.event_id(), actor_id=account)
    handle = f"of-{account}"
    free = HandleReleased(event_id=facts.event_id(), actor_id=account, handle_key=handle)
    return [Append(gone.stream, 1, (gone,)), Append(free.stream, 1, (free,))]


def edited(account: AccountId, *, after: int) -> list[Append]:
    """Two events at once."""
    events = tuple(
        ProfileChanged(
            event_id=facts.event_id(), actor_id=account, personal=Profile("a", "A", str(n))
        )
        for n in range(2)
    )
    return [Append(events[0].stream, after, events)]


class Case(NamedTuple):
    """A command on streams that stand as `before` left them."""

    before: Callable[[AccountId], Sequence[Sequence[Append]]]
    command: Callable[[AccountId], Sequence[Append]]


def nothing(account: AccountId) -> Sequence[Sequence[Append]]:
    return ()


CASES: Final = {
    "follow": Case(nothing, lambda account: [followed(account, facts.account("bob"))]),
    "sign up": Case(nothing, signed_up),
    "close": Case(lambda account: [signed_up(account)], closed),
    "edit": Case(lambda account: [signed_up(account)], lambda account: edited(account, after=1)),
}


async def attempt(log: ClusterEventLog, appends: Sequence[Append]) -> Vector | Exception:
    try:
        return await log.append(appends)
    except (Crash, Unavailable, VersionConflict) as error:
        return error


async def recorded(world: World, appends: Sequence[Append]) -> list[bool]:
    """Of each event whether the log has it; it must not have it twice."""
    log = world.process()
    found = []
    for append in appends:
        ids = [one.event.event_id for one in await log.history(append.stream)]
        assert len(set(ids)) == len(ids)
        found += [event.event_id in ids for event in append.events]
    return found


def events_of(appends: Sequence[Append]) -> list[tuple[str, int]]:
    return [
        (append.stream, append.expected_version + n)
        for append in appends
        for n in range(1, 1 + len(append.events))
    ]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fault", Fault)
async def test_whatever_fails_at_any_step_decided_events_are_published_and_others_never(
    world: World, name: str, fault: Fault
) -> None:
    case = CASES[name]
    for step in range(STEPS_MAX):
        account = somebody()
        for appends in case.before(account):
            await world.process().append(appends)
        command = case.command(account)
        faults = Faults(fault, step)

        outcome = await attempt(world.process(faults), command)
        await world.relayed()

        known = await recorded(world, command)
        published = [event in world.topics.first_seen() for event in events_of(command)]
        assert len(set(known)) == 1, "all or none"
        assert published == known
        assert known[0] or isinstance(outcome, Exception), "acknowledged is recorded"
        assert not (known[0] and isinstance(outcome, VersionConflict))
        if faults.steps <= step:
            assert not isinstance(outcome, Exception)
            return
    pytest.fail("The command has more steps than that")


@settings(max_examples=EXAMPLES_MAX, deadline=None)
@given(plan=plans)
def test_after_any_failures_a_stream_is_in_its_topic_in_the_order_of_its_versions(
    made: LocalCluster, plan: Plan
) -> None:
    asyncio.run(check(made, plan))


async def check(made: LocalCluster, plan: Plan) -> None:
    async with new_world(made) as world:
        account = somebody()
        stream = f"account/{account}"
        await world.process().append(signed_up(account))
        acknowledged: set[int] = set()
        refused: set[int] = set()

        async def edit(fault: Fault | None, step: int) -> None:
            newest = await world.process().latest(stream)
            assert newest is not None
            (command,) = edited(account, after=newest.version)
            outcome = await attempt(world.process(Faults(fault, step)), [command])
            ids = {event.event_id for event in command.events}
            if isinstance(outcome, VersionConflict):
                refused.update(ids)
            elif not isinstance(outcome, Exception):
                acknowledged.update(ids)

        for wave in plan:
            await asyncio.gather(*(edit(fault, step) for fault, step in wave))
        await world.relayed()

        history = await world.process().history(stream)
        recorded = {one.event.event_id for one in history}
        assert [one.version for one in history] == list(range(1, 1 + len(history)))
        assert acknowledged <= recorded
        assert not refused & recorded
        published = [version for of, version in world.topics.first_seen() if of == stream]
        assert published == [one.version for one in history]


async def test_what_kafka_does_not_take_is_acknowledged_and_relayed(world: World) -> None:
    account = somebody()
    (append,) = [followed(account, facts.account("bob"))]

    vector = await unpublished(world).append([append])

    assert vector == {f"stream:{append.stream}": 1}
    assert await world.process().located(vector) == vector
    assert await world.relayed() == 1
    assert world.topics.first_seen() == [(append.stream, 1)]
    (name,) = await world.process().located(vector)
    assert name.startswith("new_follow/")


async def test_earlier_events_that_are_missing_in_the_topic_go_first(world: World) -> None:
    account = somebody()
    await unpublished(world).append(signed_up(account))
    await unpublished(world).append(edited(account, after=1))

    await world.process().append(edited(account, after=3))

    stream = f"account/{account}"
    assert world.topics.first_seen() == [(stream, version) for version in range(1, 6)]
    await world.relayed()
    assert world.topics.first_seen()[5:] == [(f"handle/of-{account}", 1)]


async def test_a_writer_that_was_given_up_cannot_succeed_later(world: World) -> None:
    account = somebody()
    append = followed(account, facts.account("bob"))
    late = Late(world.session)
    log = cassandra_log.log_on(late, world.topics, now_ms=lambda: world.ms)
    writing = asyncio.create_task(attempt(log, [append]))
    await late.held.wait()

    await world.relayed()
    other = followed(account, facts.account("bob"))
    late.free.set()
    outcomes = [await writing, await attempt(world.process(), [other])]

    assert sum(isinstance(outcome, VersionConflict) for outcome in outcomes) == 1
    await world.relayed()
    assert world.topics.first_seen() == [(append.stream, 1)]


async def test_what_a_dead_process_sent_and_comes_late_is_refused_or_published(
    world: World,
) -> None:
    append = followed(somebody(), facts.account("bob"))
    late = Late(world.session, dies=True)
    log = cassandra_log.log_on(late, world.topics, now_ms=lambda: world.ms)
    dying = asyncio.create_task(attempt(log, [append]))
    await late.held.wait()

    await world.relayed()
    late.free.set()
    assert isinstance(await dying, Crash)
    await world.relayed()

    assert await recorded(world, [append]) == [False]
    assert world.topics.first_seen() == []


async def test_a_write_that_is_done_after_it_was_given_up_changes_nothing(world: World) -> None:
    """The answer to a conditional write does not come, and it is done only later."""
    append = followed(somebody(), facts.account("bob"))
    late = Late(world.session, answers=False)
    log = cassandra_log.log_on(late, world.topics, now_ms=lambda: world.ms)

    assert not isinstance(await attempt(log, [append]), Exception)
    late.free.set()
    await late.sent()

    assert len(await world.process().history(append.stream)) == 1
    await world.relayed()
    assert world.topics.first_seen() == [(append.stream, 1)]


async def test_a_write_that_is_done_after_its_command_was_refused_is_refused_too(
    world: World,
) -> None:
    account = somebody()
    command = signed_up(account)

    async def open_it_first() -> None:
        await world.process().append([opened(account, "another")])

    late = Late(world.session, answers=False, meanwhile=open_it_first)
    log = cassandra_log.log_on(late, world.topics, now_ms=lambda: world.ms)

    assert isinstance(await attempt(log, command), VersionConflict)
    late.free.set()
    await late.sent()
    await world.relayed()

    assert await world.process().history(command[0].stream) == []


async def test_of_twenty_sign_ups_under_one_handle_one_wins(world: World) -> None:
    logs = [world.process() for _ in range(4)]
    handle = f"wanted-{somebody()}"
    accounts = [somebody() for _ in range(20)]

    outcomes = await asyncio.gather(
        *(
            attempt(logs[n % 4], [claimed(account, handle), opened(account, handle)])
            for n, account in enumerate(accounts)
        )
    )

    (winner,) = [
        account
        for account, outcome in zip(accounts, outcomes, strict=True)
        if not isinstance(outcome, Exception)
    ]
    assert all(isinstance(o, VersionConflict) for o in outcomes if isinstance(o, Exception))
    (claim,) = await logs[0].history(f"handle/{handle}")
    assert claim.event.actor_id == winner
    known = [bool(await logs[0].history(f"account/{account}")) for account in accounts]
    assert known == [account == winner for account in accounts]


async def test_deciders_that_read_and_append_again_all_get_in_one_by_one(world: World) -> None:
    account = somebody()
    await world.process().append(signed_up(account))

    async def decide_until_in(log: ClusterEventLog) -> None:
        while True:
            newest = await log.latest(f"account/{account}")
            assert newest is not None
            outcome = await attempt(log, edited(account, after=newest.version))
            if not isinstance(outcome, Exception):
                return
            assert isinstance(outcome, VersionConflict)

    await asyncio.gather(*(decide_until_in(world.process()) for _ in range(5)))

    versions = [one.version for one in await world.process().history(f"account/{account}")]
    assert versions == list(range(1, 12))
    first_seen = [v for stream, v in world.topics.first_seen() if stream == f"account/{account}"]
    assert first_seen == versions


async def test_an_event_that_was_published_twice_is_in_its_register_once(world: World) -> None:
    tweet = facts.tweet("ada")
    for _ in range(2):
        await world.process().publish([tweet])

    assert len(await world.process().history(tweet.stream)) == 1
    assert len(world.topics.order) == 2


async def test_several_published_events_are_all_there_after_a_crash(world: World) -> None:
    tweets = [facts.tweet("ada"), facts.tweet("bob")]

    with pytest.raises(Crash):
        await world.process(Faults(Fault.CRASH_BEFORE, 1)).publish(tweets)
    await world.relayed()

    assert [stream for stream, _ in world.topics.first_seen()] == [t.stream for t in tweets]


async def test_a_register_that_cannot_be_written_is_known_from_memory(world: World) -> None:
    tweet = facts.tweet("ada")
    log = world.process(Faults(Fault.LOST_REQUEST, 1))

    await log.publish([tweet])

    found = await log.latest(tweet.stream)
    assert found is not None
    assert found.event == tweet
    assert [one.event for one in await log.history(tweet.stream)] == [tweet]
    while await world.process().latest(tweet.stream) is None:
        await asyncio.sleep(0)
    await log.close()


async def test_what_the_relay_cannot_finish_for_a_bug_holds_up_nothing_else(world: World) -> None:
    commands = [followed(somebody(), facts.account("bob")) for _ in range(4)]
    for command in commands:
        await unpublished(world).append([command])
    world.ms += 4 * SLOT_MS
    broken = cassandra_log.log_on(
        world.session, Refusing(world.topics, commands[1].stream), now_ms=lambda: world.ms
    )

    for _ in range(2):
        await broken.relay.catch_up()
    assert len(world.topics.first_seen()) == 3

    assert await world.relayed() == 1
    assert len(world.topics.first_seen()) == 4


async def test_the_relay_waits_for_kafka_and_goes_on_where_it_was(world: World) -> None:
    command = followed(somebody(), facts.account("bob"))
    await unpublished(world).append([command])
    world.ms += 4 * SLOT_MS

    with pytest.raises(Unavailable):
        await unpublished(world).relay.catch_up()

    assert await world.relayed() == 1
    assert await world.relayed() == 0


async def test_an_intent_whose_writing_took_too_long_is_written_into_a_later_slot(
    world: World,
) -> None:
    clock = iter([world.ms, *[world.ms + 2 * SLOT_MS] * 9])
    slow = Intents(LogTables(world.session, cassandra_log.NAMESPACE), now_ms=lambda: next(clock))
    intent = Intent(1, None, "account/1", 1, 1)

    written = await slow.write(intent)

    assert written.slot == Intents.slot_at(world.ms + 2 * SLOT_MS)
    assert written in await slow.left(written.slot)


class Refusing:
    """Fails for the events of a stream, and not because of an outage."""

    def __init__(self, topics: Topics, stream: str) -> None:
        self._topics = topics
        self._stream = stream.encode()

    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        if ("ce_subject", self._stream) in records[0].headers:
            raise RuntimeError("a bug")
        return await self._topics.produce(records)


class Late(FaultySession):
    """A session whose first batch is sent late. Its process dies then, or was told before that
    there is no answer."""

    def __init__(
        self,
        session: CassandraSession,
        *,
        dies: bool = False,
        answers: bool = True,
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(session, Faults())
        self.held = asyncio.Event()
        self.free = asyncio.Event()
        self._dies = dies
        self._answers = answers
        self._meanwhile = meanwhile
        self._sending: asyncio.Task[list[Any]] | None = None

    async def batch(
        self, statements: Sequence[Statement], *, batch_type: BatchType = BatchType.UNLOGGED
    ) -> list[Any]:
        if self._sending is not None:
            return await super().batch(statements)
        self._sending = asyncio.create_task(self._send(statements))
        self.held.set()
        if self._meanwhile is not None:
            await self._meanwhile()
        if not self._answers:
            raise StoreUnavailable("no answer")
        answer = await self._sending
        if self._dies:
            raise Crash
        return answer

    async def sent(self) -> list[Any]:
        assert self._sending is not None
        return await self._sending

    async def _send(self, statements: Sequence[Statement]) -> list[Any]:
        await self.free.wait()
        return await super().batch(statements)


class NoTopics:
    async def produce(self, records: Sequence[Record]) -> Sequence[tuple[Place, int]]:
        raise Unavailable("Kafka is away")


def unpublished(world: World) -> ClusterEventLog:
    """A process that Kafka does not answer."""
    return cassandra_log.log_on(world.session, NoTopics(), now_ms=lambda: world.ms)
