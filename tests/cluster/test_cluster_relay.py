"""What was left behind is finished: by the relay, by the next writer, from memory."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from commands.ports import VersionConflict
from domain.errors import Unavailable
from infra.cassandra.intents import SLOT_MS, Intent, Intents
from infra.cassandra.log_tables import LogTables
from tests import facts
from tests.cluster import cassandra_log
from tests.cluster.faulty import Crash, Fault, Faults, Late, Refusing
from tests.cluster.local import LocalCluster
from tests.cluster.log_world import (
    World,
    attempt,
    edited,
    followed,
    new_world,
    opened,
    recorded,
    signed_up,
    somebody,
    unpublished,
)


@pytest.fixture
async def world(made: LocalCluster) -> AsyncIterator[World]:
    async with new_world(made) as world:
        yield world


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
