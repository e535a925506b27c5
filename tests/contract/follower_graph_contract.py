"""What every follower graph must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    Recorded,
    RelationshipFact,
)
from domain.ids import AccountId
from domain.objects import AccountViewer
from projections.follower_graph import (
    FOLLOWER_GRAPH,
    FRIENDS_MAX,
    FRIENDS_OF_FRIEND_MAX,
    Edge,
    EdgeCounts,
    EdgeList,
    FollowerGraph,
    Suggestion,
)
from projections.windows import Window
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import PEOPLE, deliveries, histories
from tests.model.graph import Graph

ADA, BOB, CLEO, DAN, EVE = (facts.account(name) for name in PEOPLE)
EVERYBODY = (ADA, BOB, CLEO, DAN, EVE)
ALL = Window()
LISTS: Sequence[EdgeList] = get_args(EdgeList)

Related = tuple[type[RelationshipFact], str, str]


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


def follows(*pairs: str) -> list[Related]:
    """Follows of "ada bob": ada follows bob."""
    names = [pair.split() for pair in pairs]
    return [(AccountFollowed, actor, target) for actor, target in names]


async def relate(store: FollowerGraph, *related: Related) -> list[Recorded]:
    """Decide, record and deliver these one by one; their log."""
    log = facts.Log()
    for fact, actor, target in related:
        log.relate(fact, actor, target)
    await deliver(FOLLOWER_GRAPH, store, log.recorded)
    return log.recorded


async def listed(store: FollowerGraph, account: AccountId, which: EdgeList) -> list[AccountId]:
    return [edge.account_id for edge in await store.edges(account, which, ALL, 100)]


async def view(store: FollowerGraph) -> object:
    """Everything the port answers about everybody."""
    return (
        {
            (who, which): await store.edges(who, which, ALL, 99)
            for who in EVERYBODY
            for which in LISTS
        },
        {(who, me): await store.mutuals(who, me, ALL, 99) for who in EVERYBODY for me in EVERYBODY},
        {
            (who, me): await store.known_followers(who, me, ALL, 99)
            for who in EVERYBODY
            for me in EVERYBODY
        },
        {me: await store.suggestions(me, None, 99) for me in EVERYBODY},
        await store.counts(EVERYBODY),
        {me: shown(await store.relations(me, EVERYBODY)) for me in EVERYBODY},
        {(me, who): await store.follow_of(me, who) for me in EVERYBODY for who in EVERYBODY},
    )


def expected(history: Sequence[Recorded]) -> object:
    """The same from the definition."""
    graph = Graph(history)
    pairs = [(who, me) for who in EVERYBODY for me in EVERYBODY]
    return (
        {(who, which): graph.edges(who, which) for who in EVERYBODY for which in LISTS},
        {(who, me): graph.shared(who, "following", me) for who, me in pairs},
        {(who, me): graph.shared(who, "followers", me) for who, me in pairs},
        {me: graph.suggestions(me) for me in EVERYBODY},
        {who: graph.counts(who) for who in EVERYBODY if graph.counts(who) != EdgeCounts()},
        {me: shown({who: graph.relation(me, who) for who in EVERYBODY}) for me in EVERYBODY},
        {(me, who): follow_in(graph.edges(me, "following"), who) for who, me in pairs},
    )


def follow_in(following: Sequence[Edge], other: AccountId) -> int | None:
    """The edge to somebody."""
    return next((edge.edge_id for edge in following if edge.account_id == other), None)


def shown(relations: Mapping[AccountId, AccountViewer]) -> dict[AccountId, AccountViewer]:
    """Strangers may be left out."""
    return {who: relation for who, relation in relations.items() if relation != AccountViewer()}


class FollowerGraphContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[FollowerGraph]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[FollowerGraph]]
    ) -> AsyncIterator[FollowerGraph]:
        async with empty_store() as store:
            yield store

    async def test_a_follow_is_an_edge_of_both_lists_and_counts(self, store: FollowerGraph) -> None:
        (followed,) = await relate(store, *follows("ada bob"))

        assert await store.edges(ADA, "following", ALL, 9) == [Edge(followed.event.event_id, BOB)]
        assert await store.edges(BOB, "followers", ALL, 9) == [Edge(followed.event.event_id, ADA)]
        assert await listed(store, BOB, "following") == []
        assert await store.follow_of(ADA, BOB) == followed.event.event_id
        assert await store.follow_of(BOB, ADA) is None
        assert await store.counts([ADA, BOB, CLEO]) == {
            ADA: EdgeCounts(0, 1),
            BOB: EdgeCounts(1, 0),
        }

    async def test_lists_are_newest_first_and_bounded_by_windows(
        self, store: FollowerGraph
    ) -> None:
        log = await relate(store, *follows("ada bob", "ada cleo", "ada dan", "ada eve"))
        ids = [recorded.event.event_id for recorded in log]

        async def page(window: Window) -> list[AccountId]:
            return [edge.account_id for edge in await store.edges(ADA, "following", window, 2)]

        assert await page(ALL) == [EVE, DAN]
        assert await page(Window(max_id=ids[2])) == [CLEO, BOB]
        assert await page(Window(min_id=ids[0])) == [DAN, CLEO]
        assert await page(Window(since_id=ids[2])) == [EVE]

    async def test_following_again_makes_a_new_edge(self, store: FollowerGraph) -> None:
        log = await relate(
            store,
            *follows("ada bob", "ada cleo"),
            (AccountUnfollowed, "ada", "bob"),
            *follows("ada bob"),
        )

        assert await store.edges(ADA, "following", ALL, 1) == [Edge(log[-1].event.event_id, BOB)]
        assert await store.counts([ADA]) == {ADA: EdgeCounts(0, 2)}

    async def test_an_edge_outlives_what_else_happens_between_two(
        self, store: FollowerGraph
    ) -> None:
        log = await relate(store, *follows("ada bob"), (AccountMuted, "bob", "ada"))

        assert await store.edges(BOB, "followers", ALL, 9) == [Edge(log[0].event.event_id, ADA)]

    async def test_a_block_ends_both_follows_and_unblocking_restores_none(
        self, store: FollowerGraph
    ) -> None:
        await relate(
            store,
            *follows("ada bob", "bob ada"),
            (AccountBlocked, "ada", "bob"),
            (AccountUnblocked, "ada", "bob"),
        )

        assert await store.counts([ADA, BOB]) == {}
        assert await listed(store, ADA, "blocks") == []
        assert shown(await store.relations(ADA, [BOB])) == {}

    async def test_blocks_and_mutes_are_lists_of_ones_own(self, store: FollowerGraph) -> None:
        await relate(
            store,
            (AccountBlocked, "ada", "bob"),
            (AccountMuted, "ada", "cleo"),
            (AccountMuted, "ada", "dan"),
            (AccountUnmuted, "ada", "cleo"),
        )

        assert await listed(store, ADA, "blocks") == [BOB]
        assert await listed(store, ADA, "mutes") == [DAN]
        assert await listed(store, BOB, "blocks") == []
        assert await listed(store, DAN, "mutes") == []

    async def test_relations_say_how_two_stand_to_each_other(self, store: FollowerGraph) -> None:
        await relate(
            store,
            *follows("ada bob", "cleo ada"),
            (AccountBlocked, "ada", "dan"),
            (AccountBlocked, "eve", "ada"),
            (AccountMuted, "ada", "bob"),
        )

        assert shown(await store.relations(ADA, [BOB, CLEO, DAN, EVE, ADA, ADA])) == {
            BOB: AccountViewer(following=True, muting=True),
            CLEO: AccountViewer(followed_by=True),
            DAN: AccountViewer(blocking=True),
            EVE: AccountViewer(blocked_by=True),
        }
        assert shown(await store.relations(BOB, [ADA])) == {ADA: AccountViewer(followed_by=True)}
        assert await store.relations(ADA, []) == {}

    @pytest.mark.parametrize("more", [(), ("bob eve", "bob dan"), ("ada eve", "ada dan")])
    async def test_mutuals_are_followed_by_both(
        self, store: FollowerGraph, more: tuple[str, ...]
    ) -> None:
        """Whichever of the two follows more."""
        await relate(store, *follows("ada cleo", "bob cleo", "bob ada", *more))

        found = await store.mutuals(BOB, ADA, ALL, 9)

        assert [edge.account_id for edge in found] == [CLEO]
        assert found == [e for e in await store.edges(BOB, "following", ALL, 9) if e in found]

    @pytest.mark.parametrize("more", [(), ("eve bob", "dan bob"), ("ada eve", "ada bob")])
    async def test_known_followers_are_followers_whom_the_reader_follows(
        self, store: FollowerGraph, more: tuple[str, ...]
    ) -> None:
        await relate(store, *follows("ada cleo", "cleo bob", "dan cleo", *more))

        found = await store.known_followers(BOB, ADA, ALL, 9)

        assert [edge.account_id for edge in found] == [CLEO]
        assert found == [e for e in await store.edges(BOB, "followers", ALL, 9) if e in found]

    async def test_shared_lists_are_bounded_by_windows(self, store: FollowerGraph) -> None:
        await relate(
            store,
            *follows("ada cleo", "ada dan", "ada eve", "bob cleo", "bob dan", "bob eve"),
        )
        first, second, third = await store.mutuals(BOB, ADA, ALL, 9)

        assert await store.mutuals(BOB, ADA, ALL, 1) == [first]
        assert await store.mutuals(BOB, ADA, Window(max_id=first.edge_id), 9) == [second, third]
        assert await store.mutuals(BOB, ADA, Window(min_id=third.edge_id), 1) == [second]

    async def test_friends_of_friends_are_suggested_by_paths_then_by_id(
        self, store: FollowerGraph
    ) -> None:
        await relate(store, *follows("ada bob", "ada cleo", "bob dan", "bob eve", "cleo eve"))

        found = await store.suggestions(ADA, None, 9)

        assert found == [Suggestion(2, EVE), Suggestion(1, DAN)]
        assert await store.suggestions(ADA, None, 1) == found[:1]
        assert await store.suggestions(ADA, found[0], 9) == found[1:]
        assert await store.suggestions(ADA, found[1], 9) == []

    @pytest.mark.parametrize(
        "reason",
        [
            (AccountFollowed, "ada", "cleo"),
            (AccountBlocked, "ada", "cleo"),
            (AccountBlocked, "cleo", "ada"),
            (AccountMuted, "ada", "cleo"),
        ],
    )
    async def test_nobody_is_suggested_whom_one_follows_blocks_or_mutes(
        self, store: FollowerGraph, reason: Related
    ) -> None:
        await relate(store, *follows("ada bob", "bob cleo", "bob ada"), reason)

        assert await store.suggestions(ADA, None, 9) == []

    async def test_suggestions_look_at_the_newest_follows_only(self, store: FollowerGraph) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "ada", "bob")
        log.relate(AccountFollowed, "bob", "cleo")
        strangers = [AccountId(facts.event_id()) for _ in range(FRIENDS_MAX)]
        log.record(*(facts.followed_stranger(BOB, other) for other in strangers))
        newest = strangers[-FRIENDS_OF_FRIEND_MAX:]
        await deliver(FOLLOWER_GRAPH, store, log.recorded)
        by_bob = await store.suggestions(ADA, None, 999)

        later = log.record(*(facts.followed_stranger(ADA, other) for other in strangers))
        await deliver(FOLLOWER_GRAPH, store, later)

        assert by_bob == [Suggestion(1, other) for other in newest]
        assert await store.suggestions(ADA, None, 999) == []

    @pytest.mark.parametrize("at_once", [True, False])
    async def test_a_closed_account_vanishes_from_lists_and_counts(
        self, store: FollowerGraph, at_once: bool
    ) -> None:
        log = facts.Log()
        for _, actor, target in follows("ada bob", "bob ada", "cleo bob", "ada cleo"):
            log.relate(AccountFollowed, actor, target)
        log.relate(AccountMuted, "dan", "bob")
        log.record(closed("bob"))

        ties, closing = log.recorded[:-1], log.recorded[-1:]
        for batch in [[*ties, *closing]] if at_once else [ties, closing]:
            await deliver(FOLLOWER_GRAPH, store, batch)

        assert await store.counts(EVERYBODY) == {ADA: EdgeCounts(0, 1), CLEO: EdgeCounts(1, 0)}
        assert await listed(store, ADA, "followers") == []
        assert await listed(store, ADA, "following") == [CLEO]
        assert await listed(store, DAN, "mutes") == []
        assert shown(await store.relations(ADA, [BOB])) == {}

    async def test_a_closing_before_the_follow_is_remembered(self, store: FollowerGraph) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "ada", "bob")
        log.record(closed("bob"))

        await deliver(FOLLOWER_GRAPH, store, log.recorded[1:], log.recorded[:1])

        assert await store.counts(EVERYBODY) == {}
        assert await listed(store, ADA, "following") == []

    async def test_the_latest_event_of_a_pair_counts_whenever_it_comes(
        self, store: FollowerGraph
    ) -> None:
        log = facts.Log()
        log.relate(AccountFollowed, "ada", "bob")
        log.relate(AccountMuted, "ada", "bob")
        log.relate(AccountUnfollowed, "ada", "bob")

        await deliver(FOLLOWER_GRAPH, store, *([recorded] for recorded in log.recorded[::-1]))

        assert await listed(store, ADA, "following") == []
        assert await listed(store, ADA, "mutes") == [BOB]
        assert await store.counts([ADA, BOB]) == {}

    async def test_applying_a_batch_twice_changes_nothing(self, store: FollowerGraph) -> None:
        log = await relate(
            store, *follows("ada bob", "bob ada", "cleo bob"), (AccountBlocked, "bob", "cleo")
        )
        before = await view(store)

        await deliver(FOLLOWER_GRAPH, store, log, log[::-1])

        assert await view(store) == before
        assert before == expected(log)

    @settings(max_examples=60)
    @given(data=st.data())
    def test_any_delivery_of_a_history_gives_what_the_history_says(
        self,
        empty_store: Callable[[], AbstractAsyncContextManager[FollowerGraph]],
        data: st.DataObject,
    ) -> None:
        history = data.draw(
            histories(min_steps=20, doings=("close", *["relate"] * 6, *["unrelate"] * 3))
        )
        batches = data.draw(deliveries(history))

        async def viewed() -> object:
            async with empty_store() as store:
                await deliver(FOLLOWER_GRAPH, store, *batches)
                return await view(store)

        assert asyncio.run(viewed()) == expected(history)
