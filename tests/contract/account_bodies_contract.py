"""What accounts that are kept as JSON must be: what the views say at that moment, on any of them.

Subclass with `opened`, the views of one process and how it asks.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings

from domain.events import AccountFollowed, Recorded
from domain.ids import AccountId
from projections.account_directory import ACCOUNT_DIRECTORY
from projections.author_timelines import AUTHOR_TIMELINES
from projections.follower_graph import FOLLOWER_GRAPH
from read_api.hydration import bodies_of
from read_api.ports import AccountBodies
from tests import facts
from tests.contract.projecting import deliver
from tests.histories import histories

MADE_OF = (ACCOUNT_DIRECTORY, AUTHOR_TIMELINES, FOLLOWER_GRAPH)
# One of them never has an account.
PEOPLE = [facts.account(name) for name in facts.NAMES[:6]]
CHANGING = ("tweet", "delete", "relate", "unrelate", "profile", "close")


class Accounts:
    """`views` are read by a process that keeps `bodies`; events are applied to `written`, perhaps
    by another process; `stores` have what both say."""

    def __init__(
        self, views: SimpleNamespace, bodies: AccountBodies, *, written: Any, stores: Any
    ) -> None:
        self.views = views
        self.bodies = bodies
        self.written = written
        self.stores = stores

    async def take(self, *recorded: Recorded) -> None:
        """Apply events to all views."""
        for projection in MADE_OF:
            await deliver(projection, getattr(self.written, projection.name), recorded)

    async def known(self, ids: Collection[AccountId]) -> Mapping[AccountId, bytes]:
        """What a request is given, once nothing has to be asked for."""
        found = self.bodies.known(ids)
        assert found is not None
        return found

    async def said(self, ids: Sequence[AccountId]) -> Mapping[AccountId, bytes]:
        """What the stores say."""
        return bodies_of(
            await self.stores.account_directory.profiles(ids),
            await self.stores.author_timelines.tweet_counts(ids),
            await self.stores.follower_graph.counts(ids),
        )


class AccountBodiesContract:
    """Every test opens views of its own."""

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[Accounts]:
        """Views in which nothing is yet."""

    @abstractmethod
    def another_graph(self) -> Any:
        """An empty follower graph of another generation, for the views that are open, written in
        the process that reads it."""

    @settings(max_examples=15)
    @given(history=histories(min_steps=25, doings=CHANGING))
    def test_after_each_event_they_are_what_the_views_say(self, history: list[Recorded]) -> None:
        async def run() -> None:
            async with self.opened() as accounts:
                assert await accounts.known(PEOPLE) == {}
                for one in history:
                    await accounts.take(one)
                    assert await accounts.known(PEOPLE) == await accounts.said(PEOPLE)

        asyncio.run(run())

    async def test_another_generation_of_a_view_counts_as_soon_as_it_answers(self) -> None:
        log = facts.Log()
        ada, bob, *_ = PEOPLE
        async with self.opened() as accounts:
            follow = log.relate(AccountFollowed, "ada", "bob")
            await accounts.take(*log.record(facts.opened("ada"), facts.opened("bob")), *follow)
            before = await accounts.known([ada, bob])

            graph = self.another_graph()
            accounts.views.follower_graph = graph
            without = await accounts.known([ada, bob])
            await deliver(FOLLOWER_GRAPH, graph, follow)
            after = await accounts.known([ada, bob])

        assert b'"followers":1' in before[bob]
        assert b'"followers":0' in without[bob]
        assert after == before
