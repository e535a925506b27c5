"""What every store of trends must do, whatever engine it is on."""

import asyncio
from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountClosed,
    Event,
    PostDeleted,
    PostEdited,
    PostPosted,
    PostText,
    Recorded,
    TweetPosted,
)
from domain.hashtags import tag_key
from domain.ids import EventId, compose, millis_of
from projections.trends import (
    HOUR_MS,
    RECENT_H,
    TRENDS,
    USUAL_DAYS,
    WEIGHTS,
    Trend,
    Trends,
    score,
)
from tests import facts
from tests.contract.projecting import deliver
from tests.contract.store_contract import StoreContract
from tests.histories import deliveries, histories

# An edit or deletion only happens to one's own post, a closing once in ten.
DOINGS = (*("tweet",) * 5, *("reply",) * 2, *("edit",) * 8, *("delete",) * 3, *("close",) * 5)
NOW_MS = facts.NOON_MS - facts.NOON_MS % HOUR_MS + 100 * 24 * HOUR_MS


def tweet(author: str, text: str, *, hours_ago: float = 0, number: int = 0) -> TweetPosted:
    at_ms = NOW_MS - round(hours_ago * HOUR_MS)
    event_id = EventId(compose(at_ms, facts.NAMES.index(author), number))
    return msgspec.structs.replace(facts.tweet(author, text), event_id=event_id)


def closed(name: str) -> AccountClosed:
    return AccountClosed(event_id=facts.event_id(), actor_id=facts.account(name))


async def apply(store: Trends, *events: Event) -> None:
    """Record these events in a log of their own and deliver it whole."""
    await deliver(TRENDS, store, facts.recorded(events))


async def tags(store: Trends, now_ms: int = NOW_MS) -> list[str]:
    return [trend.tag for trend in await store.top(now_ms, 100)]


def expected(history: Sequence[Recorded], now_ms: int) -> list[Trend]:
    """The trends after a history, reckoned from its posts as they are in the end."""
    hour = now_ms // HOUR_MS
    first_day = (hour - RECENT_H + 1) // 24
    people: dict[tuple[str, int], set[int]] = defaultdict(set)
    posts: Counter[str] = Counter()
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for post_id, author_id, text in _living(history):
        at = millis_of(post_id) // HOUR_MS
        for key, form in {tag_key(h.tag): h.tag for h in reversed(text.hashtags)}.items():
            people[key, at].add(author_id)
            posts[key] += hour - RECENT_H < at <= hour
            forms[key][form] += 1
    found = []
    for key in sorted(forms):
        recent = sum(len(people[key, hour - age]) * WEIGHTS[age] for age in range(RECENT_H))
        usual = sum(
            len(who)
            for (tag, at), who in people.items()
            if tag == key and first_day - USUAL_DAYS <= at // 24 < first_day
        )
        points = score(recent, usual / (USUAL_DAYS * 24) * sum(WEIGHTS))
        if points > 0:
            shown = min(forms[key], key=lambda form: (-forms[key][form], form))
            found.append(Trend(shown, posts[key], points))
    return sorted(found, key=lambda trend: (-trend.score, tag_key(trend.tag)))


def _living(history: Sequence[Recorded]) -> list[tuple[int, int, PostText]]:
    texts: dict[int, tuple[int, PostText]] = {}
    for event in (one.event for one in history):
        if isinstance(event, PostPosted | PostEdited) and event.personal:
            texts[event.post_id] = (event.actor_id, event.personal)
    for event in (one.event for one in history):
        if isinstance(event, PostDeleted):
            texts.pop(event.post_id, None)
    gone = {one.event.actor_id for one in history if isinstance(one.event, AccountClosed)}
    return [(post_id, who, text) for post_id, (who, text) in texts.items() if who not in gone]


class TrendsContract(StoreContract):
    """Subclass with an `empty_store` fixture: each call opens a new, empty store."""

    @pytest.fixture
    @abstractmethod
    def empty_store(self) -> Callable[[], AbstractAsyncContextManager[Trends]]: ...

    @pytest.fixture
    async def store(
        self, empty_store: Callable[[], AbstractAsyncContextManager[Trends]]
    ) -> AsyncIterator[Trends]:
        async with empty_store() as store:
            yield store

    async def test_a_tag_of_many_people_comes_before_a_tag_of_few(self, store: Trends) -> None:
        await apply(
            store,
            tweet("ada", "#tea"),
            tweet("bob", "#tea #cake"),
            tweet("cleo", "#tea #cake"),
            tweet("dan", "no tag"),
        )

        assert await store.top(NOW_MS, 10) == [Trend("tea", 3, 3.0), Trend("cake", 2, 2.0)]
        assert await store.top(NOW_MS, 1) == [Trend("tea", 3, 3.0)]

    async def test_one_person_counts_once_an_hour_however_much_they_post(
        self, store: Trends
    ) -> None:
        spam = [tweet("eve", "#buy #buy", number=number) for number in range(9)]
        await apply(store, *spam, tweet("ada", "#tea"), tweet("bob", "#tea"))

        assert await store.top(NOW_MS, 10) == [Trend("tea", 2, 2.0), Trend("buy", 9, 1.0)]

    async def test_what_is_past_fades(self, store: Trends) -> None:
        await apply(
            store,
            tweet("ada", "#now", hours_ago=0),
            tweet("ada", "#before", hours_ago=4),
            tweet("ada", "#gone", hours_ago=24),
        )

        assert await store.top(NOW_MS, 10) == [Trend("now", 1, 1.0), Trend("before", 1, 0.5)]
        assert await tags(store, NOW_MS + 24 * HOUR_MS) == []

    async def test_a_tag_that_is_always_used_trends_less(self, store: Trends) -> None:
        usual = [tweet("ada", "#monday", hours_ago=hours) for hours in range(24, 24 * 8)]
        new = [tweet("ada", "#comet"), tweet("bob", "#comet")]
        await apply(store, *usual, tweet("bob", "#monday"), tweet("cleo", "#monday"), *new)

        assert await tags(store) == ["comet"]

    async def test_what_is_usual_is_reckoned_from_the_people_of_the_week_before(
        self, store: Trends
    ) -> None:
        old = [tweet(name, "#monday", hours_ago=50) for name in ("ada", "bob", "cleo", "dan")]
        new = [tweet(name, "#monday") for name in ("ada", "bob", "cleo")]
        await apply(store, *old, *new, facts.deleted(old[0]))

        usual = 3 / (24 * USUAL_DAYS) * sum(WEIGHTS)
        assert await store.top(NOW_MS, 10) == [Trend("monday", 3, score(3, usual))]

    async def test_old_posts_imported_today_do_not_trend(self, store: Trends) -> None:
        await apply(store, *(tweet(name, "#old", hours_ago=1000) for name in facts.NAMES))

        assert await tags(store) == []

    async def test_posts_of_the_future_do_not_trend_yet(self, store: Trends) -> None:
        await apply(store, tweet("ada", "#soon", hours_ago=-2))

        assert await tags(store) == []
        assert await tags(store, NOW_MS + 2 * HOUR_MS) == ["soon"]

    async def test_letter_case_makes_no_difference_and_the_usual_form_is_shown(
        self, store: Trends
    ) -> None:
        texts = ("#BookClub", "#bookclub", "#BookClub", "#Straße", "#STRASSE", "#STRASSE")
        people = zip(facts.NAMES, texts, strict=False)
        await apply(store, *(tweet(name, text) for name, text in people))

        assert await store.top(NOW_MS, 10) == [Trend("BookClub", 3, 3.0), Trend("STRASSE", 3, 3.0)]

    async def test_an_edit_takes_tags_away_and_adds_others(self, store: Trends) -> None:
        post = tweet("ada", "#first #kept")
        log = facts.recorded([post, facts.edited(post, "#Kept #second"), facts.edited(post, "no")])

        await deliver(TRENDS, store, log[1:2], log[:1])
        assert await tags(store) == ["Kept", "second"]
        await deliver(TRENDS, store, log)
        assert await tags(store) == []

    async def test_an_edit_counts_at_the_time_of_the_post(self, store: Trends) -> None:
        post = tweet("ada", "no tag", hours_ago=30)
        await apply(store, post, facts.edited(post, "#late"))

        assert await tags(store) == []
        assert await tags(store, NOW_MS - 29 * HOUR_MS) == ["late"]

    async def test_a_deleted_post_stops_counting_also_when_the_deletion_comes_first(
        self, store: Trends
    ) -> None:
        post, other = tweet("ada", "#tea"), tweet("bob", "#tea")
        log = facts.recorded([post, other, facts.deleted(post)])

        await deliver(TRENDS, store, log[2:], log[:2])

        assert await store.top(NOW_MS, 10) == [Trend("tea", 1, 1.0)]

    async def test_a_second_post_of_the_hour_keeps_its_author_counted(self, store: Trends) -> None:
        post, second = tweet("ada", "#tea"), tweet("ada", "#tea", number=1)
        await apply(store, post, second, facts.deleted(post))

        assert await store.top(NOW_MS, 10) == [Trend("tea", 1, 1.0)]

    async def test_a_closed_account_stops_counting(self, store: Trends) -> None:
        log = facts.recorded([tweet("ada", "#tea"), closed("ada"), tweet("ada", "#tea", number=1)])

        await deliver(TRENDS, store, log[:1], log[1:2], log[2:])

        assert await tags(store) == []

    async def test_replies_count(self, store: Trends) -> None:
        post = tweet("ada", "question")
        answer = facts.reply("bob", post, "#answer")
        await apply(store, post, answer)

        assert await tags(store, millis_of(answer.event_id)) == ["answer"]

    async def test_applying_twice_is_applying_once(self, store: Trends) -> None:
        post = tweet("ada", "#tea")
        log = facts.recorded([post, tweet("bob", "#tea"), facts.edited(post, "#tea #cake")])

        await deliver(TRENDS, store, log, log, [*log, *log])

        assert await store.top(NOW_MS, 10) == [Trend("tea", 2, 2.0), Trend("cake", 1, 1.0)]

    @settings(max_examples=80)
    @given(data=st.data())
    def test_every_delivery_of_a_history_gives_what_its_posts_say(
        self,
        empty_store: Callable[[], AbstractAsyncContextManager[Trends]],
        data: st.DataObject,
    ) -> None:
        history = data.draw(histories(min_steps=25, doings=DOINGS))
        shuffled = data.draw(deliveries(history))
        last_ms = millis_of(max(one.event.event_id for one in history))
        moments = [last_ms + hours * HOUR_MS for hours in (-1, 0, 5, 30, 150)]

        async def view_after(batches: Sequence[Sequence[Recorded]]) -> list[list[Trend]]:
            async with empty_store() as store:
                await deliver(TRENDS, store, *batches)
                return [list(await store.top(now_ms, 100)) for now_ms in moments]

        reckoned = [expected(history, now_ms) for now_ms in moments]
        assert asyncio.run(view_after(shuffled)) == reckoned
