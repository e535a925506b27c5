"""What every source of refusals must do: know at once what the log has acknowledged."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence, Set
from typing import Protocol

import pytest

from commands.ports import Append, EventLog
from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    AccountUnmuted,
    Event,
    PostHidden,
    PostPosted,
    PostRestored,
    Recorded,
    RelationshipFact,
    TweetPosted,
)
from domain.ids import AccountId, PostId
from read_api.ports import Refusals
from tests import facts

ADA, BOB, CLEO, HAL = (facts.account(name) for name in ("ada", "bob", "cleo", "hal"))
EVERYBODY = [facts.account(name) for name in facts.NAMES]


class Answers(Protocol):
    """What both sides may ask."""

    def suspended(self, account_id: AccountId) -> bool: ...
    def closed(self, account_id: AccountId) -> bool: ...
    def hidden(self, post_id: PostId) -> bool: ...
    def refused_of(self, account_ids: Collection[AccountId]) -> Set[AccountId]: ...
    def hidden_of(self, post_ids: Iterable[PostId]) -> Set[PostId]: ...
    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]: ...
    def muted_by(self, reader_id: AccountId) -> frozenset[AccountId]: ...


class PlainRefusals:
    """The same answers, worked out from the history in order."""

    def __init__(self, history: Iterable[Recorded]) -> None:
        self._suspended: set[AccountId] = set()
        self._closed: set[AccountId] = set()
        self._hidden: set[PostId] = set()
        self._pairs: dict[frozenset[AccountId], RelationshipFact] = {}
        for event in (recorded.event for recorded in history):
            match event:
                case AccountSuspended():
                    self._suspended.add(event.account_id)
                case AccountReinstated():
                    self._suspended.discard(event.account_id)
                case AccountClosed():
                    self._closed.add(event.actor_id)
                case PostHidden():
                    self._hidden.add(event.post_id)
                case PostRestored():
                    self._hidden.discard(event.post_id)
                case RelationshipFact():
                    self._pairs[frozenset((event.actor_id, event.target_id))] = event
                case _:
                    pass

    def suspended(self, account_id: AccountId) -> bool:
        return account_id in self._suspended

    def closed(self, account_id: AccountId) -> bool:
        return account_id in self._closed

    def hidden(self, post_id: PostId) -> bool:
        return post_id in self._hidden

    def refused_of(self, account_ids: Collection[AccountId]) -> Set[AccountId]:
        return (self._suspended | self._closed) & set(account_ids)

    def hidden_of(self, post_ids: Iterable[PostId]) -> Set[PostId]:
        return self._hidden & set(post_ids)

    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]:
        return frozenset(
            other
            for other, fact in self._around(reader_id).items()
            if fact.standing_of(reader_id).blocks or fact.standing_of(other).blocks
        )

    def muted_by(self, reader_id: AccountId) -> frozenset[AccountId]:
        return frozenset(
            other
            for other, fact in self._around(reader_id).items()
            if fact.standing_of(reader_id).mutes
        )

    def _around(self, reader_id: AccountId) -> dict[AccountId, RelationshipFact]:
        return {
            other: fact
            for pair, fact in self._pairs.items()
            if reader_id in pair
            for other in pair - {reader_id}
        }


def view(refusals: Answers, history: Iterable[Recorded]) -> dict[str, object]:
    """Everything the port answers about everybody and every post of the history."""
    posts = [PostId(r.event.event_id) for r in history if isinstance(r.event, PostPosted)]
    return {
        "suspended": [refusals.suspended(one) for one in EVERYBODY],
        "closed": [refusals.closed(one) for one in EVERYBODY],
        "hidden": [refusals.hidden(one) for one in posts],
        "blocked with": [refusals.blocked_with(one) for one in EVERYBODY],
        "muted by": [refusals.muted_by(one) for one in EVERYBODY],
    }


async def write(log: EventLog, recorded: Iterable[Recorded]) -> None:
    """Bring events into a log as the commands would have, concurrently but in their order."""

    async def write_one(event: Event, version: int) -> None:
        if event.APPENDED:
            await log.append([Append(event.stream, version - 1, (event,))])
        else:
            await log.publish([event])

    await asyncio.gather(*(write_one(event, version) for event, version, _, _ in recorded))


class RefusalsContract(ABC):
    """Subclass with `log` and `refusals` fixtures: the refusals of what that log acknowledges."""

    @pytest.fixture
    @abstractmethod
    def log(self) -> EventLog: ...

    @pytest.fixture
    @abstractmethod
    def refusals(self) -> Refusals: ...

    @pytest.fixture
    def past(self) -> facts.Log:
        """Gives the events of one test their versions."""
        return facts.Log()

    async def test_an_account_is_suspended_until_it_is_reinstated(
        self, log: EventLog, refusals: Refusals, past: facts.Log
    ) -> None:
        suspended = AccountSuspended(event_id=facts.event_id(), actor_id=HAL, account_id=ADA)
        reinstated = AccountReinstated(event_id=facts.event_id(), actor_id=HAL, account_id=ADA)

        assert not refusals.suspended(ADA)
        await write(log, past.record(suspended))
        assert refusals.suspended(ADA)
        assert not refusals.suspended(HAL)
        await write(log, past.record(reinstated))
        assert not refusals.suspended(ADA)

    async def test_a_post_is_hidden_until_it_is_restored(
        self, log: EventLog, refusals: Refusals, past: facts.Log
    ) -> None:
        post: TweetPosted = facts.tweet("ada")
        moderated: Sequence[PostHidden | PostRestored] = [
            fact(event_id=facts.event_id(), actor_id=HAL, post_id=post.post_id, post_author_id=ADA)
            for fact in (PostHidden, PostRestored)
        ]

        assert not refusals.hidden(post.post_id)
        await write(log, past.record(moderated[0]))
        assert refusals.hidden(post.post_id)
        await write(log, past.record(moderated[1]))
        assert not refusals.hidden(post.post_id)

    async def test_a_closed_account_stays_closed(
        self, log: EventLog, refusals: Refusals, past: facts.Log
    ) -> None:
        closed = AccountClosed(event_id=facts.event_id(), actor_id=ADA)

        await write(log, past.record(facts.opened("ada"), closed))

        assert refusals.closed(ADA)
        assert not refusals.closed(BOB)

    async def test_a_block_stands_both_ways_until_both_have_lifted_theirs(
        self, log: EventLog, refusals: Refusals, past: facts.Log
    ) -> None:
        assert refusals.blocked_with(ADA) == refusals.blocked_with(BOB) == frozenset()

        await write(log, past.relate(AccountBlocked, "ada", "bob"))
        await write(log, past.relate(AccountBlocked, "bob", "ada"))
        await write(log, past.relate(AccountUnblocked, "ada", "bob"))
        assert refusals.blocked_with(ADA) == {BOB}
        assert refusals.blocked_with(BOB) == {ADA}

        await write(log, past.relate(AccountUnblocked, "bob", "ada"))
        assert refusals.blocked_with(ADA) == refusals.blocked_with(BOB) == frozenset()

    async def test_a_mute_concerns_only_who_muted(
        self, log: EventLog, refusals: Refusals, past: facts.Log
    ) -> None:
        await write(log, past.relate(AccountMuted, "ada", "bob"))
        assert refusals.muted_by(ADA) == {BOB}
        assert refusals.muted_by(BOB) == refusals.blocked_with(ADA) == frozenset()

        await write(log, past.relate(AccountUnmuted, "ada", "bob"))
        assert refusals.muted_by(ADA) == frozenset()

    async def test_a_block_and_a_mute_leave_each_other_alone(
        self, log: EventLog, refusals: Refusals, past: facts.Log
    ) -> None:
        await write(log, past.relate(AccountMuted, "ada", "bob"))
        await write(log, past.relate(AccountBlocked, "bob", "ada"))
        await write(log, past.relate(AccountBlocked, "cleo", "ada"))
        await write(log, past.relate(AccountFollowed, "ada", "hal"))

        assert refusals.blocked_with(ADA) == {BOB, CLEO}
        assert refusals.muted_by(ADA) == {BOB}
        assert refusals.muted_by(HAL) == refusals.blocked_with(HAL) == frozenset()
