"""Appending when processes die and answers get lost: decided is decided, published, in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.ports import Append, VersionConflict
from domain.ids import AccountId
from infra.cassandra.event_log import ClusterEventLog
from tests import facts
from tests.cluster.faulty import Fault, Faults
from tests.cluster.local import LocalCluster
from tests.cluster.log_world import (
    World,
    attempt,
    claimed,
    closed,
    decided,
    edited,
    events_of,
    followed,
    new_world,
    opened,
    recorded,
    signed_up,
    somebody,
)

STEPS_MAX: Final = 40
EXAMPLES_MAX: Final = 15

# Waves of commands at the same time, each with what fails at which step.
Plan = list[list[tuple[Fault | None, int]]]
plans: Final = st.lists(
    st.lists(st.tuples(st.sampled_from([None, *Fault]), st.integers(0, 9)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@pytest.fixture
async def world(made: LocalCluster) -> AsyncIterator[World]:
    async with new_world(made) as world:
        yield world


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


async def test_of_twenty_sign_ups_under_one_handle_one_wins(world: World) -> None:
    logs = [world.process() for _ in range(4)]
    handle = f"wanted-{somebody()}"
    accounts = [somebody() for _ in range(20)]

    outcomes = await asyncio.gather(
        *(
            decided(logs[n % 4], [claimed(account, handle), opened(account, handle)])
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
            outcome = await decided(log, edited(account, after=newest.version))
            if not isinstance(outcome, Exception):
                return
            assert isinstance(outcome, VersionConflict)

    await asyncio.gather(*(decide_until_in(world.process()) for _ in range(5)))

    versions = [one.version for one in await world.process().history(f"account/{account}")]
    assert versions == list(range(1, 12))
    first_seen = [v for stream, v in world.topics.first_seen() if stream == f"account/{account}"]
    assert first_seen == versions
