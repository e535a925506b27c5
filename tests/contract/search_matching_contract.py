"""What every search index must find for a query, whatever engine it is on."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest

from domain.events import TweetPosted
from domain.ids import EventId, compose
from domain.search_query import parse_query
from projections.search_index import SearchIndex
from tests import facts
from tests.contract.search_index_contract import apply, found, ranked


def on_day(month: int, day: int, ms: int = 0) -> int:
    """Unix milliseconds of a day of 2024, UTC."""
    days_before = sum((31, 29, 31, 30, 31)[: month - 1]) + day - 1
    return 1_704_067_200_000 + 86_400_000 * days_before + ms


def tweet_at(ms: int, text: str) -> TweetPosted:
    posted = facts.tweet("ada", text)
    return msgspec.structs.replace(posted, event_id=EventId(compose(ms, 1, 0)))


class SearchMatchingContract(ABC):
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

    async def test_a_post_is_found_by_all_its_words_newest_first(self, store: SearchIndex) -> None:
        one, two = facts.tweet("ada", "Cats like Fish"), facts.tweet("bob", "fish, not cats!")
        await apply(store, one, two, facts.tweet("bob", "fish only"))

        assert await found(store, "cats FISH") == [two.post_id, one.post_id]
        assert await found(store, "cats dogs") == []
        assert await found(store, "cat") == []

    async def test_a_phrase_is_words_side_by_side(self, store: SearchIndex) -> None:
        one, two = facts.tweet("ada", "a red herring"), facts.tweet("bob", "herring, red")
        await apply(store, one, two)

        assert await found(store, '"red herring"') == [one.post_id]
        assert await found(store, "red herring") == [two.post_id, one.post_id]

    async def test_text_without_spaces_is_found_by_its_words(self, store: SearchIndex) -> None:
        chinese, thai = facts.tweet("ada", "今天天气很好"), facts.tweet("bob", "วันนี้อากาศดี")
        await apply(store, chinese, thai)

        assert await found(store, "天气") == [chinese.post_id]
        assert await found(store, "气天") == []
        assert await found(store, "天") == [chinese.post_id]
        assert await found(store, "อากาศ") == [thai.post_id]

    async def test_a_hashtag_is_found_whole_in_any_case(self, store: SearchIndex) -> None:
        tagged, untagged = facts.tweet("ada", "to #News we go"), facts.tweet("bob", "news")
        longer = facts.tweet("bob", "#newsroom")
        await apply(store, tagged, untagged, longer)

        assert await found(store, "#nEWS") == [tagged.post_id]
        assert await found(store, "news") == [untagged.post_id, tagged.post_id]

    async def test_a_mention_is_found_by_its_handle(self, store: SearchIndex) -> None:
        mention = facts.tweet("ada", "ask @Bob about it")
        await apply(store, mention, facts.tweet("ada", "bob is here"))

        assert await found(store, "@bob") == [mention.post_id]

    async def test_since_begins_a_day_and_until_ends_before_one(self, store: SearchIndex) -> None:
        last_of_30th = tweet_at(on_day(1, 30, 86_399_999), "snow")
        first_of_31st = tweet_at(on_day(1, 31), "snow")
        first_of_february = tweet_at(on_day(2, 1), "snow")
        await apply(store, last_of_30th, first_of_31st, first_of_february)

        assert await found(store, "snow since:2024-01-31 until:2024-02-01") == [
            first_of_31st.post_id
        ]
        assert await found(store, "until:2024-01-31") == [last_of_30th.post_id]
        assert await found(store, "since:2024-02-01") == [first_of_february.post_id]
        assert await ranked(store, "snow since:2024-02-01") == [first_of_february.post_id]
        assert await found(store, "snow since:9999-12-31") == []
        assert len(await found(store, "snow since:0001-01-01")) == 3

    async def test_links_can_be_asked_for_and_media_match_nothing(self, store: SearchIndex) -> None:
        link, plain = facts.tweet("ada", "see https://example.com/a"), facts.tweet("ada", "see")
        await apply(store, link, plain)

        assert await found(store, "has:links") == [link.post_id]
        assert await found(store, "see -has:links") == [plain.post_id]
        assert await found(store, "see has:media") == []
        assert len(await found(store, "see -has:media")) == 2

    async def test_anything_can_be_excluded(self, store: SearchIndex) -> None:
        posts = [
            facts.tweet("ada", text)
            for text in ("tea and cake", "tea and rum", "tea #break", "tea, cake and more")
        ]
        await apply(store, *posts)
        cake, rum, tag, more = (post.post_id for post in posts)

        assert await found(store, "tea -cake") == [tag, rum]
        assert await found(store, 'tea -"and cake"') == [more, tag, rum]
        assert await found(store, "tea -#break -rum") == [more, cake]

    async def test_a_query_of_nothing_or_only_exclusions_finds_nothing(
        self, store: SearchIndex
    ) -> None:
        await apply(store, facts.tweet("ada", "hello"))

        for query in ("", "   ", "-", "-cake", "-from:ada", '""', "!!!", "-has:media"):
            assert await found(store, query) == []
            assert await ranked(store, query) == []

    @pytest.mark.parametrize(
        "query",
        [
            '"',
            "'",
            "(",
            "*",
            "a*",
            "^a",
            "a AND b",
            "NOT",
            "a OR",
            "terms:a",
            "{a}",
            "a + b",
            "\\",
            "\0",
            "\ud800",
        ],
    )
    async def test_the_engines_own_signs_mean_nothing(self, store: SearchIndex, query: str) -> None:
        await apply(store, facts.tweet("ada", "ab"))

        assert await found(store, query) == []
        assert await ranked(store, query) == []

    @pytest.mark.parametrize("text", ["I ❤️ it", "press 1️⃣ or #️⃣", "👩‍👩‍👧 out", "c++ & c#", "é à ü"])
    async def test_a_post_is_found_by_each_of_its_words_and_signs(
        self, store: SearchIndex, text: str
    ) -> None:
        post = facts.tweet("ada", text)
        await apply(store, post, facts.tweet("bob", "nothing like that"))

        for word in text.split():
            if parse_query(word).finds_nothing:
                continue
            assert await found(store, word) == [post.post_id]
