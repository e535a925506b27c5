"""What every search index must do about people, whatever engine it is on."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from domain.events import Profile, ProfileChanged
from domain.search_query import parse_people
from projections.search_index import SearchIndex
from tests import facts
from tests.contract.search_index_contract import apply, closed, opened_as, people

ADA, BOB, EVE = facts.account("ada"), facts.account("bob"), facts.account("eve")


class PeopleSearchContract(ABC):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[SearchIndex]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[SearchIndex]]
    ) -> AsyncIterator[SearchIndex]:
        async with empty_store() as store:
            yield store

    async def test_people_are_found_by_handle_then_its_beginning_then_name(
        self, store: SearchIndex
    ) -> None:
        await apply(
            store,
            opened_as("ada", "someone", "Ann of Arbor"),
            opened_as("bob", "Annabel", "B"),
            opened_as("cleo", "ann", "C"),
            opened_as("dan", "dan", "Joanna"),
            opened_as("eve", "anna", "Ann E."),
        )

        expected = ["cleo", "eve", "bob", "ada"]
        assert await people(store, "Ann") == [facts.account(name) for name in expected]
        assert await people(store, "@ANN") == [facts.account(name) for name in expected]

    async def test_the_last_word_of_a_name_may_be_unfinished(self, store: SearchIndex) -> None:
        await apply(store, opened_as("ada", "countess", "Ada Lovelace"), facts.opened("bob"))

        assert await people(store, "lovelace ada") == [ADA]
        assert await people(store, "ada lov") == [ADA]
        assert await people(store, "lov ada") == []
        assert await people(store, '"') == await people(store, "") == []

    async def test_a_name_without_spaces_is_found_by_a_part(self, store: SearchIndex) -> None:
        await apply(store, opened_as("eve", "eve", "今天天气"))

        assert await people(store, "天气") == await people(store, "天") == [EVE]

    async def test_people_are_paged(self, store: SearchIndex) -> None:
        await apply(store, *(opened_as(name, f"x_{name}", "X Y") for name in facts.NAMES))
        query = parse_people("x")

        pages = [await store.accounts(query, None, 3)]
        while pages[-1].next:
            pages.append(await store.accounts(query, pages[-1].next, 3))

        seen = [account_id for page in pages for account_id in page.ids]
        assert seen == [facts.account(name) for name in facts.NAMES]

    async def test_a_new_name_replaces_the_old_one(self, store: SearchIndex) -> None:
        renamed = ProfileChanged(
            event_id=facts.event_id(), actor_id=BOB, personal=Profile("bob", "Robert")
        )
        await apply(store, opened_as("bob", "bob", "Bobby"), renamed)

        assert await people(store, "bobby") == []
        assert await people(store, "robert") == [BOB]

    async def test_a_closed_account_is_not_found_whenever_it_was_opened(
        self, store: SearchIndex
    ) -> None:
        await apply(store, closed("ada"))
        await apply(store, opened_as("ada", "ada", "Ada"))

        assert await people(store, "ada") == []
