"""Commands of several processes on the cluster's log: what they decide holds for all of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

import pytest

from commands.block_account import BlockAccount, block_account
from commands.close_account import CloseAccount, close_account
from commands.edit_profile import EditProfile, edit_profile
from commands.follow_account import FollowAccount, follow_account
from commands.handling import Decision, record
from commands.like_post import LikePost, like_post
from commands.open_account import OpenAccount, open_account
from commands.ports import Answer, Ports
from commands.post_tweet import PostTweet, post_tweet
from commands.turns import Turns
from domain.errors import Blocked, Conflict, HandleTaken, Refusal
from domain.events import PairState, RelationshipFact
from domain.ids import AccountId, PostId
from tests.cluster import cassandra_log
from tests.cluster.local import LocalCluster
from tests.fakes import Fakes

PROCESSES: Final = 3
EDITS: Final = 64
PASSWORD: Final = "correct horse battery"


@pytest.fixture
async def processes(made: LocalCluster) -> AsyncIterator[list[Ports]]:
    """Ports of several processes, each with a session and a producer of its own."""
    fakes = Fakes()
    async with (
        cassandra_log.session_on(made) as first,
        cassandra_log.session_on(made) as second,
        cassandra_log.session_on(made) as third,
        cassandra_log.producer_on(made) as producer,
    ):
        await cassandra_log.empty(first)
        logs = [cassandra_log.log_on(session, producer) for session in (first, second, third)]
        await logs[0].create()
        yield [replace(fakes.ports, log=log, turns=Turns()) for log in logs]


async def run(ports: Ports, decide: Callable[[Ports], Awaitable[Decision]]) -> Answer | Refusal:
    try:
        answer, _ = await record(ports, decide, None)
    except Refusal as refusal:
        return refusal
    return answer


async def opened(ports: Ports, handle: str, account_id: AccountId) -> Answer | Refusal:
    command = OpenAccount(handle=handle, password=PASSWORD, account_id=account_id)
    return await run(ports, lambda ports: open_account(command, ports))


async def test_a_handle_has_one_account_until_it_is_closed(processes: list[Ports]) -> None:
    accounts = [AccountId(1_000 + n) for n in range(12)]

    outcomes = await asyncio.gather(
        *(opened(processes[n % PROCESSES], "ada", one) for n, one in enumerate(accounts))
    )

    (winner,) = [
        account for account, o in zip(accounts, outcomes, strict=True) if isinstance(o, Answer)
    ]
    assert all(isinstance(o, Answer | HandleTaken | Conflict) for o in outcomes)
    command = CloseAccount(account_id=winner)
    closed = await run(processes[1], lambda ports: close_account(command, ports))
    assert isinstance(closed, Answer)
    assert isinstance(await opened(processes[2], "ada", AccountId(2_000)), Answer)
    assert isinstance(await opened(processes[0], "ada", AccountId(2_001)), HandleTaken)


async def test_many_edits_at_once_are_all_taken_by_every_process(processes: list[Ports]) -> None:
    ada = AccountId(1)
    await opened(processes[0], "ada", ada)
    profiles = [EditProfile(account_id=ada, bio=f"number {n}") for n in range(EDITS)]

    outcomes = await asyncio.gather(
        *(
            run(processes[n % PROCESSES], partial(edit_profile, profile))
            for n, profile in enumerate(profiles)
        )
    )

    assert [outcome for outcome in outcomes if not isinstance(outcome, Answer)] == []
    history = await processes[0].log.history(f"account/{ada}")
    assert [one.version for one in history] == list(range(1, EDITS + 2))


async def test_a_block_is_known_to_every_process_at_once(processes: list[Ports]) -> None:
    ada, bob = AccountId(1), AccountId(2)
    for account, handle in ((ada, "ada"), (bob, "bob")):
        await opened(processes[0], handle, account)
    post = PostTweet(author_id=ada, text="hello", post_id=PostId(77))
    assert isinstance(await run(processes[1], lambda ports: post_tweet(post, ports)), Answer)
    block = BlockAccount(actor_id=ada, target_id=bob)
    assert isinstance(await run(processes[2], lambda ports: block_account(block, ports)), Answer)

    like = LikePost(actor_id=bob, post_id=PostId(77))
    follow = FollowAccount(actor_id=bob, target_id=ada)
    for ports in processes:
        assert isinstance(await run(ports, lambda ports: like_post(like, ports)), Blocked)
        assert isinstance(await run(ports, lambda ports: follow_account(follow, ports)), Blocked)


async def test_two_who_follow_each_other_and_block_at_once_agree_on_how_they_stand(
    processes: list[Ports],
) -> None:
    ada, bob = AccountId(1), AccountId(2)
    for account, handle in ((ada, "ada"), (bob, "bob")):
        await opened(processes[0], handle, account)
    pairs = [(ada, bob), (bob, ada)]

    def commands(n: int) -> Callable[[Ports], Awaitable[Decision]]:
        actor, target = pairs[n % 2]
        follow = FollowAccount(actor_id=actor, target_id=target)
        block = BlockAccount(actor_id=actor, target_id=target)
        if n % 5 == 4:
            return lambda ports: block_account(block, ports)
        return lambda ports: follow_account(follow, ports)

    outcomes = await asyncio.gather(
        *(run(processes[n % PROCESSES], commands(n)) for n in range(12))
    )

    assert any(isinstance(outcome, Answer) for outcome in outcomes)
    histories = [await ports.log.history(f"relationship/{ada}/{bob}") for ports in processes]
    assert histories[0] == histories[1] == histories[2]
    assert [one.version for one in histories[0]] == list(range(1, 1 + len(histories[0])))
    state = PairState()
    for one in histories[0]:
        assert isinstance(one.event, RelationshipFact)
        assert one.event.after != state
        state = one.event.after
