"""Idempotency-Keys across processes that die: one effect, one answer."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.ports import (
    AlreadyAnswered,
    Answer,
    Answered,
    Append,
    Claimed,
    Receipt,
    VersionConflict,
)
from domain.errors import Conflict, KeyInProgress, KeyReused, Unavailable
from domain.events import AccountFollowed, PairState, Standing
from domain.ids import AccountId
from domain.positions import Vector
from infra.cassandra.kept import Entry
from infra.cassandra.receipts import LEASE_MS
from tests import facts
from tests.cluster import cassandra_log
from tests.cluster.faulty import Crash, Fault, Faults
from tests.cluster.keyed import SCOPE, process
from tests.cluster.local import LocalCluster
from tests.cluster.log_world import World, followed, new_world

STEPS_MAX: Final = 20
EXAMPLES_MAX: Final = 15

# Waves of attempts at the same time, each with what fails at which step.
Plan = list[list[tuple[Fault | None, int]]]
plans: Final = st.lists(
    st.lists(
        st.tuples(st.sampled_from([None, *Fault]), st.integers(0, 12)), min_size=1, max_size=3
    ),
    min_size=1,
    max_size=3,
)
_numbers = count(1)


@pytest.fixture
async def world(made: LocalCluster) -> AsyncIterator[World]:
    async with new_world(made) as world:
        yield world


def new_key() -> str:
    return f"key-{next(_numbers)}"


async def test_another_process_repeats_the_answer_with_its_vector(world: World) -> None:
    log = process(world).log
    answer = Answer(201, b"{}", (("Location", "/v1/posts/1"),))
    vector: Vector = await log.publish(
        [facts.tweet("ada")], receipt=Receipt(SCOPE, "a", b"print", answer)
    )

    again = await process(world).keys.claim(SCOPE, "a", b"print")

    assert again == Answered(answer, vector)


async def test_a_key_belongs_to_one_request(world: World) -> None:
    one = process(world)
    claimed = await one.keys.claim(SCOPE, "a", b"print")
    assert isinstance(claimed, Claimed)

    for other in (one, process(world)):
        with pytest.raises(KeyInProgress):
            await other.keys.claim(SCOPE, "a", b"print")
        with pytest.raises(KeyReused):
            await other.keys.claim(SCOPE, "a", b"another")
    assert isinstance(await one.keys.claim("7", "a", b"another"), Claimed)


async def test_a_key_that_was_given_back_is_free(world: World) -> None:
    one = process(world)
    claimed = await one.keys.claim(SCOPE, "a", b"print")
    assert isinstance(claimed, Claimed)

    await one.keys.release(claimed)

    assert isinstance(await process(world).keys.claim(SCOPE, "a", b"another"), Claimed)


async def test_an_answer_without_events_is_kept(world: World) -> None:
    one = process(world)
    claimed = await one.keys.claim(SCOPE, "a", b"print")
    assert isinstance(claimed, Claimed)

    await one.keys.complete(claimed, Answer(404))
    await one.keys.release(claimed)

    assert await process(world).keys.claim(SCOPE, "a", b"print") == Answered(Answer(404), {})


async def test_a_lease_that_ended_is_taken_over_and_its_owner_records_nothing(
    world: World,
) -> None:
    slow, quick = process(world), process(world)
    claimed = await slow.keys.claim(SCOPE, "a", b"print")
    assert isinstance(claimed, Claimed)
    with pytest.raises(KeyInProgress):
        await quick.tweet("a")
    world.ms += LEASE_MS + 1

    answer = await quick.tweet("a", exclusive=True)
    with pytest.raises(KeyInProgress):
        await slow.log.publish([facts.tweet("ada")], receipt=Receipt(*claimed, Answer(201)))

    assert len(world.topics.order) == 1
    assert await process(world).tweet("a") == answer


async def test_who_records_second_is_answered_as_the_first_one(world: World) -> None:
    """Both began before either recorded anything; so did one that has nothing to record."""
    first, second, third = (process(world) for _ in range(3))
    claimed = [
        await one.keys.claim(SCOPE, "a", b"print", by_recording=True)
        for one in (first, second, third)
    ]
    assert claimed == [Claimed(SCOPE, "a", b"print")] * 3
    answer = Answer(201, b"{}", (("Location", "/v1/posts/1"),))
    receipt = Receipt(SCOPE, "a", b"print", answer)
    vector: Vector = await first.log.publish([facts.tweet("ada")], receipt=receipt)

    with pytest.raises(AlreadyAnswered) as told:
        await second.log.publish([facts.tweet("ada")], receipt=receipt._replace(answer=Answer(1)))
    with pytest.raises(AlreadyAnswered) as told_too:
        await third.keys.complete(Claimed(SCOPE, "a", b"print"), Answer(404))
    with pytest.raises(KeyReused):
        await third.keys.complete(Claimed(SCOPE, "a", b"another"), Answer(404))

    assert told.value.answered == told_too.value.answered == Answered(answer, vector)
    assert len(world.topics.order) == 1


async def test_a_key_that_nobody_recorded_with_is_free_at_once(world: World) -> None:
    """A process that dies before it records leaves nothing behind that others would wait for."""
    for fault in (Fault.CRASH_BEFORE, Fault.LOST_REQUEST):
        with pytest.raises((Crash, Unavailable)):
            await process(world, Faults(fault, 0)).tweet("a")

    assert (await process(world).tweet("a")).status == 201


@pytest.mark.parametrize("exclusive", [False, True])
async def test_of_many_at_once_one_has_an_effect(world: World, exclusive: bool) -> None:
    several = [process(world) for _ in range(3)]

    outcomes = await asyncio.gather(
        *(several[n % 3].tweet("a", exclusive=exclusive) for n in range(12)),
        return_exceptions=True,
    )

    assert len(world.topics.first_seen()) == 1
    answers = {outcome.body for outcome in outcomes if isinstance(outcome, Answer)}
    assert len(answers) == 1
    assert all(isinstance(o, Answer | KeyInProgress) for o in outcomes)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("fault", Fault)
async def test_a_tweet_that_is_tried_again_after_any_failure_is_there_once(
    world: World, fault: Fault, exclusive: bool
) -> None:
    for step in range(STEPS_MAX):
        key, before = new_key(), len(world.topics.first_seen())
        faults = Faults(fault, step)
        first: Answer | None = None
        try:
            first = await process(world, faults).tweet(key, exclusive=exclusive)
        except (Crash, Unavailable):
            world.ms += LEASE_MS + 1

        second = await process(world).tweet(key, exclusive=exclusive)

        (published,) = world.topics.first_seen()[before:]
        assert second.body == str(published[1]).encode()
        assert first in {None, second}
        if faults.steps <= step:
            return
    pytest.fail("The command has more steps than that")


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("fault", Fault)
async def test_a_follow_that_is_tried_again_after_any_failure_is_there_once(
    world: World, fault: Fault, exclusive: bool
) -> None:
    for step in range(STEPS_MAX):
        key, target = new_key(), AccountId(facts.account("bob") + next(_numbers))
        faults = Faults(fault, step)
        first: Answer | None = None
        try:
            first = await process(world, faults).follow(key, target, exclusive=exclusive)
        except (Crash, Unavailable):
            world.ms += LEASE_MS + 1

        second = await process(world).follow(key, target, exclusive=exclusive)
        await world.relayed()

        stream = f"relationship/{facts.account('ada')}/{target}"
        (found,) = await process(world).log.history(stream)
        assert second.body == str(found.event.event_id).encode()
        assert first in {None, second}
        assert (stream, 1) in world.topics.first_seen()
        if faults.steps <= step:
            return
    pytest.fail("The command has more steps than that")


async def test_a_key_whose_command_lost_the_race_and_died_decides_anew(world: World) -> None:
    target = AccountId(facts.account("bob") + next(_numbers))
    dying = process(world, Faults(Fault.CRASH_BEFORE, 3))
    with pytest.raises(Crash):
        await dying.follow("a", target)
    await process(world).follow("b", target)

    answer = await process(world).follow("a", target)

    stream = f"relationship/{facts.account('ada')}/{target}"
    found = await process(world).log.history(stream)
    assert [one.version for one in found] == [1, 2]
    assert answer.body == str(found[-1].event.event_id).encode()


@settings(max_examples=EXAMPLES_MAX, deadline=None)
@given(plan=plans, exclusive=st.booleans())
def test_a_key_has_one_effect_and_one_answer_whoever_fails_and_whoever_else_follows(
    made: LocalCluster, plan: Plan, exclusive: bool
) -> None:
    asyncio.run(check(made, plan, exclusive=exclusive))


async def check(made: LocalCluster, plan: Plan, *, exclusive: bool) -> None:
    async with new_world(made) as world:
        target = AccountId(facts.account("bob") + next(_numbers))
        tried: list[int] = []
        answers: list[bytes] = []

        async def attempt(key: str, fault: Fault | None, step: int) -> None:
            one = process(world, Faults(fault, step))
            try:
                answer = await one.follow(key, target, exclusive=exclusive)
            except (Crash, Unavailable, KeyInProgress, Conflict):
                answer = None
            if key == "a":
                tried.extend(one.made)
                answers.extend([] if answer is None else [answer.body])

        for n, wave in enumerate(plan):
            others = [attempt(f"other-{n}", None, 0)]
            await asyncio.gather(*(attempt("a", *fault) for fault in wave), *others)
            world.ms += LEASE_MS + 1
        while not answers:
            await attempt("a", None, 0)
        await attempt("a", None, 0)
        await world.relayed()

        stream = f"relationship/{facts.account('ada')}/{target}"
        history = await world.process().history(stream)
        ids = [one.event.event_id for one in history]
        assert len(set(answers)) == 1
        assert [str(i).encode() for i in ids if i in tried] == [answers[0]]


async def test_what_is_recorded_over_a_command_that_lost_and_died_decides_anew(
    world: World,
) -> None:
    """Nobody claimed the key: the row of the one that died is all there is."""
    first, late, second = (
        followed(AccountId(facts.account("bob")), facts.account("ada")) for _ in range(3)
    )
    receipt = Receipt(SCOPE, "edge", b"", Answer(200))
    with pytest.raises(Crash):
        await world.process(Faults(Fault.CRASH_BEFORE, 2)).append([late], receipt=receipt)
    log = world.process()
    await log.append([first])

    with pytest.raises(VersionConflict):
        await log.append([second], receipt=receipt)
    await log.append([second._replace(expected_version=1)], receipt=receipt)

    history = [one.event for one in await log.history(first.stream)]
    assert history == [first.events[0], second.events[0]]


async def test_a_command_that_decided_again_is_not_taken_over_for_what_it_decided_first(
    world: World,
) -> None:
    slow, retry = process(world).log.receipts, process(world).log.receipts
    first, second = (Entry((), appended=bool(n)) for n in range(2))
    await slow.claim(SCOPE, "a", b"print")
    await slow.put(Receipt(SCOPE, "a", b"print", Answer(200)), first)
    found = await retry.claim(SCOPE, "a", b"print")
    assert found is not None
    assert found.entry == first

    await slow.put(Receipt(SCOPE, "a", b"print", Answer(201)), second)

    assert not await retry.take_over(SCOPE, "a", b"print", owner=found.owner)
    now = await retry.claim(SCOPE, "a", b"print")
    assert now is not None
    assert now.entry == second
    await slow.done(SCOPE, "a", now.owner, {"stream:x": 1})
    assert await retry.done_at(SCOPE, "a", found.owner) is None
    assert await retry.done_at(SCOPE, "a", now.owner) == {"stream:x": 1}


async def test_what_people_wrote_is_sealed(world: World) -> None:
    receipt = Receipt(SCOPE, "a", b"print", Answer(201, b"an unmistakable confession"))
    await process(world).log.publish(
        [facts.tweet("ada", "an unmistakable confession")], receipt=receipt
    )

    for table in ("receipts", "receipts_done", "registers"):
        rows = await world.session.execute(f"SELECT * FROM {cassandra_log.NAMESPACE}_{table}")  # noqa: S608
        assert rows
        assert "unmistakable" not in str(rows)


async def test_a_lost_race_raises_a_conflict_with_a_receipt_too(world: World) -> None:
    target = AccountId(facts.account("bob") + next(_numbers))
    await process(world).follow("a", target)
    one = process(world)
    claimed = await one.keys.claim(SCOPE, "b", b"print")
    assert isinstance(claimed, Claimed)
    event = AccountFollowed(
        event_id=facts.event_id(),
        actor_id=facts.account("ada"),
        target_id=target,
        after=PairState(low=Standing(follows=True)),
    )
    receipt = Receipt(*claimed, Answer(200))

    with pytest.raises(VersionConflict):
        await one.log.append([Append(event.stream, 0, (event,))], receipt=receipt)
    await one.log.append([Append(event.stream, 1, (event,))], receipt=receipt)

    assert len(await one.log.history(event.stream)) == 2
