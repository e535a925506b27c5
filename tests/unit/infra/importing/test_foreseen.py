"""What an import knows before it decides is told once, and only while it can be so."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import cast

import pytest

from commands.ports import Append, EventLog, Receipt, Refusals
from domain import accounts
from domain.errors import Unavailable
from domain.events import Event, Recorded
from domain.ids import AccountId
from domain.positions import Vector
from infra.importing.foreseen import ForeseenLog, KnownAccounts
from tests import facts

ADA = facts.account("ada")
STREAM = accounts.stream_of(ADA)


class AskedLog:
    """A log in which one account is open, and how often each stream was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.outages = 0

    async def latest(self, stream: str) -> Recorded | None:
        self.asked[stream] += 1
        await asyncio.sleep(0)
        if self.outages:
            self.outages -= 1
            raise Unavailable("away")
        return Recorded(facts.opened("ada"), 1, 0) if stream == STREAM else None

    async def history(self, stream: str) -> Sequence[Recorded]:
        return []

    async def publish(self, events: Sequence[Event], *, receipt: Receipt | None = None) -> Vector:
        return {}

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        return {}


class Closed:
    def __init__(self) -> None:
        self.closed_ids: set[AccountId] = set()

    def closed(self, account_id: AccountId) -> bool:
        return account_id in self.closed_ids


@pytest.fixture
def log() -> AskedLog:
    return AskedLog()


@pytest.fixture
def refusals() -> Closed:
    return Closed()


@pytest.fixture
def known(log: EventLog, refusals: Closed) -> KnownAccounts:
    return KnownAccounts(log, cast("Refusals", refusals))


async def test_a_stream_that_is_new_is_told_so_once(log: AskedLog) -> None:
    foreseen = ForeseenLog(log, new=["handle/x"])

    assert await foreseen.latest("handle/x") is None
    assert log.asked["handle/x"] == 0
    await foreseen.latest("handle/x")
    assert log.asked["handle/x"] == 1


async def test_an_account_is_asked_for_once_in_many_batches(
    log: AskedLog, known: KnownAccounts
) -> None:
    for _ in range(2):
        foreseen = ForeseenLog(log, new=(), known=known, asked=[ADA])
        found = await asyncio.gather(*(foreseen.latest(STREAM) for _ in range(3)))
        assert [one and one.event for one in found] == [facts.opened("ada")] * 3

    assert log.asked[STREAM] == 1


async def test_an_account_that_is_closed_meanwhile_is_asked_for_again(
    log: AskedLog, known: KnownAccounts, refusals: Closed
) -> None:
    await known.latest(ADA)
    refusals.closed_ids.add(ADA)

    await known.latest(ADA)

    assert log.asked[STREAM] == 2


async def test_what_could_not_be_asked_is_asked_again(log: AskedLog, known: KnownAccounts) -> None:
    log.outages = 1
    with pytest.raises(Unavailable):
        await known.latest(ADA)

    assert await known.latest(ADA) is not None


async def test_an_account_that_is_not_there_yet_is_asked_for_again(
    log: AskedLog, known: KnownAccounts
) -> None:
    bob = facts.account("bob")
    assert await known.latest(bob) is None
    assert await known.latest(bob) is None

    assert log.asked[accounts.stream_of(bob)] == 2
