"""What every account directory must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import AccountClosed, AccountOpened, Event, Profile, ProfileChanged, Recorded
from domain.ids import EventId, time_of
from domain.objects import Account, account_body, account_end, profile_members
from projections.account_directory import ACCOUNT_DIRECTORY, AccountDirectory
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import PEOPLE, deliveries, histories

ADA, BOB, EVE = facts.account("ada"), facts.account("bob"), facts.account("eve")
EVERYBODY = [facts.account(name) for name in facts.NAMES]


def changed(name: str, display_name: str, bio: str = "") -> ProfileChanged:
    return ProfileChanged(
        event_id=facts.event_id(),
        actor_id=facts.account(name),
        personal=Profile(name, display_name, bio),
    )


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


def opened_as(name: str, handle: str) -> AccountOpened:
    return AccountOpened(
        event_id=EventId(facts.account(name)),
        actor_id=facts.account(name),
        handle_key=f"key-of-{handle}",
        personal=Profile(handle, handle),
    )


async def apply(store: AccountDirectory, *events: Event) -> None:
    """Record these events in a log of their own and deliver it whole."""
    await deliver(ACCOUNT_DIRECTORY, store, facts.recorded(events))


async def view(store: AccountDirectory) -> tuple[object, ...]:
    """Everything the port answers about everybody."""
    return (
        await store.profiles(EVERYBODY),
        await store.handles(EVERYBODY),
        [await store.by_handle(name) for name in facts.NAMES],
        await store.count(),
    )


class AccountDirectoryContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[AccountDirectory]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[AccountDirectory]]
    ) -> AsyncIterator[AccountDirectory]:
        async with empty_store() as store:
            yield store

    async def test_a_profile_is_what_clients_get(self, store: AccountDirectory) -> None:
        await apply(store, facts.opened("ada", "Ada L.", "Likes 天气 and \N{SNOWMAN}"))

        members = (await store.profiles([ADA]))[ADA]
        shown = msgspec.json.decode(account_body(members, b"{}") + account_end(None), type=Account)
        assert (shown.id, shown.handle, shown.display_name) == (str(ADA), "ada", "Ada L.")
        assert shown.bio == "Likes 天气 and \N{SNOWMAN}"
        assert shown.avatar_url is None
        assert shown.created_at == f"{time_of(ADA):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"

    async def test_many_are_found_at_once_and_the_unknown_are_left_out(
        self, store: AccountDirectory
    ) -> None:
        await apply(store, facts.opened("ada"), facts.opened("bob"))

        assert await store.profiles([BOB, EVE, ADA, ADA]) == {
            ADA: profile_members(ADA, Profile("ada", "Ada")),
            BOB: profile_members(BOB, Profile("bob", "Bob")),
        }
        assert await store.handles([BOB, EVE, ADA]) == {ADA: "ada", BOB: "bob"}
        assert await store.profiles([]) == {}

    async def test_the_latest_profile_counts_whenever_it_comes(
        self, store: AccountDirectory
    ) -> None:
        log = facts.recorded([facts.opened("ada"), changed("ada", "Once"), changed("ada", "Now")])

        await deliver(ACCOUNT_DIRECTORY, store, log[2:], log[:2])

        assert await store.profiles([ADA]) == {ADA: profile_members(ADA, Profile("ada", "Now"))}

    async def test_a_handle_is_found_in_any_case_and_shown_as_it_was_written(
        self, store: AccountDirectory
    ) -> None:
        await apply(store, opened_as("ada", "Ada_L"))

        assert await store.by_handle("aDA_l") == ADA
        assert await store.by_handle("ada") is None
        assert await store.handles([ADA]) == {ADA: "Ada_L"}

    async def test_a_closed_account_is_gone(self, store: AccountDirectory) -> None:
        await apply(store, facts.opened("ada"), facts.opened("bob"), closed("ada"))

        assert list(await store.profiles([ADA, BOB])) == [BOB]
        assert await store.handles([ADA]) == {}
        assert await store.by_handle("ada") is None
        assert await store.count() == 1

    async def test_a_closing_before_the_opening_is_remembered(
        self, store: AccountDirectory
    ) -> None:
        log = facts.recorded([facts.opened("ada"), changed("ada", "Ada"), closed("ada")])

        await deliver(ACCOUNT_DIRECTORY, store, log[2:], log[:2])

        assert await store.profiles([ADA]) == {}
        assert await store.count() == 0

    async def test_a_handle_that_was_given_up_leads_to_its_new_holder(
        self, store: AccountDirectory
    ) -> None:
        await apply(store, facts.opened("ada"), closed("ada"), opened_as("bob", "ADA"))

        assert await store.by_handle("ada") == BOB

    async def test_the_new_holder_may_be_known_before_the_old_one_is_gone(
        self, store: AccountDirectory
    ) -> None:
        await apply(store, opened_as("bob", "ADA"), facts.opened("ada"))

        assert await store.by_handle("ada") == BOB

    async def test_a_profile_whose_words_were_erased_is_not_shown(
        self, store: AccountDirectory
    ) -> None:
        await apply(store, msgspec.structs.replace(facts.opened("ada"), personal=None))

        assert await store.profiles([ADA]) == {}

    async def test_applying_twice_is_applying_once(self, store: AccountDirectory) -> None:
        log = facts.recorded(
            [facts.opened("ada"), facts.opened("bob"), changed("ada", "A"), closed("bob")]
        )

        await deliver(ACCOUNT_DIRECTORY, store, log)
        once = await view(store)
        await deliver(ACCOUNT_DIRECTORY, store, log)

        assert await view(store) == once

    @settings(max_examples=80)
    @given(data=st.data())
    def test_every_delivery_of_a_history_gives_the_same_view(
        self,
        empty_store: Callable[[], AbstractAsyncContextManager[AccountDirectory]],
        data: st.DataObject,
    ) -> None:
        history = data.draw(histories())
        shuffled = data.draw(deliveries(history))

        async def view_after(batches: Sequence[Sequence[Recorded]]) -> tuple[object, ...]:
            async with empty_store() as store:
                await deliver(ACCOUNT_DIRECTORY, store, *batches)
                return await view(store)

        in_order = asyncio.run(view_after([history]))
        assert asyncio.run(view_after(shuffled)) == in_order
        assert in_order[3] == len(PEOPLE) - sum(
            isinstance(one.event, AccountClosed) for one in history
        )
