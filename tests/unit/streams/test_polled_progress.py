"""Reads with tokens, where other processes fill the stores."""

import asyncio
from collections.abc import Mapping

import pytest

from domain.errors import ProjectionBehind
from domain.events import LikeAdded, TweetPosted
from domain.positions import Vector
from domain.topics import Place
from projections.projection import Projection, StoreUnavailable
from streams import polled_progress
from streams.polled_progress import PolledProgress

TWEETS = Projection("tweets", 1, frozenset({TweetPosted}), lambda _: [])
LIKES = Projection("likes", 1, frozenset({LikeAdded}), lambda _: [])
TWEET_3 = Place("new_tweet", 3).number
PATIENT_S = 60.0


class Store:
    """Moves on to the next of its answers each time it is asked, and stays at the last."""

    def __init__(self, *answers: Mapping[int, int] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def checkpoint(self) -> Mapping[int, int]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def nowhere(stream: str, version: int) -> Vector | None:
    return None


def progress(tweets: Store, likes: Store | None = None) -> PolledProgress:
    return PolledProgress([(TWEETS, tweets), (LIKES, likes or Store({}))], nowhere)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL_S", "POLL_AGAIN_S"):
        monkeypatch.setattr(polled_progress, name, 0.0)
    monkeypatch.setattr(polled_progress, "ASK_S", 0.05)


async def test_a_read_waits_until_the_store_is_there() -> None:
    store = Store({}, {TWEET_3: 4}, {TWEET_3: 5})

    await progress(store).reached(["tweets"], {"new_tweet/3": 5}, PATIENT_S)

    assert store.asked == 3


async def test_a_store_that_was_there_is_not_asked_again() -> None:
    store = Store({TWEET_3: 5})
    polled = progress(store)
    await polled.reached(["tweets"], {"new_tweet/3": 5}, PATIENT_S)

    await polled.reached(["tweets"], {"new_tweet/3": 4}, PATIENT_S)

    assert store.asked == 1


async def test_who_waits_too_long_is_told() -> None:
    with pytest.raises(ProjectionBehind, match="tweets is not there yet"):
        await progress(Store({TWEET_3: 4})).reached(["tweets"], {"new_tweet/3": 5}, 0.0)


async def test_who_does_not_want_to_wait_is_served_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The store answers, however long that takes this process.
    monkeypatch.setattr(polled_progress, "ASK_S", PATIENT_S)

    await progress(Store({TWEET_3: 5})).reached(["tweets"], {"new_tweet/3": 5}, 0.0)


async def test_topics_that_it_does_not_read_count_as_reached() -> None:
    store = Store({})

    await progress(store).reached(["likes"], {"new_tweet/3": 5, "log/0": 9, "odd": 1}, 0.0)

    assert store.asked == 0


async def test_many_who_wait_ask_together() -> None:
    store = Store({}, {TWEET_3: 5}, {TWEET_3: 6})
    polled = progress(store)

    async with asyncio.TaskGroup() as readers:
        for position in (5, 6) * 50:
            readers.create_task(polled.reached(["tweets"], {"new_tweet/3": position}, PATIENT_S))

    assert store.asked == 3


async def test_a_store_that_is_down_is_waited_for() -> None:
    store = Store(StoreUnavailable("down"), {TWEET_3: 5})
    polled = progress(store)

    await polled.reached(["tweets"], {"new_tweet/3": 5}, PATIENT_S)

    assert polled.stalled_by("tweets") is None


async def test_a_store_that_stays_down_says_so() -> None:
    polled = progress(Store(StoreUnavailable("down")))

    with pytest.raises(ProjectionBehind):
        await polled.reached(["tweets"], {"new_tweet/3": 5}, 0.0)
    with pytest.raises(StoreUnavailable):
        await polled.positions("tweets")

    assert polled.stalled_by("tweets") == "down"


async def test_a_bug_of_the_store_is_raised_to_who_waits() -> None:
    with pytest.raises(ZeroDivisionError):
        await progress(Store(ZeroDivisionError())).reached(
            ["tweets"], {"new_tweet/3": 5}, PATIENT_S
        )


async def test_an_event_that_is_not_published_yet_is_waited_for_twice() -> None:
    answers = [StoreUnavailable("down"), None, {"new_tweet/3": 5}]

    async def published(stream: str, version: int) -> Vector | None:
        assert (stream, version) == ("edits-7", 2)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    store = Store({TWEET_3: 4}, {TWEET_3: 5})
    polled = PolledProgress([(TWEETS, store)], published)

    await polled.reached(["tweets"], {"stream:edits-7": 2}, PATIENT_S)

    assert (answers, store.asked) == ([], 2)


async def test_an_event_that_is_never_published_is_not_reached() -> None:
    with pytest.raises(ProjectionBehind):
        await progress(Store({})).reached(["tweets"], {"stream:edits-7": 2}, 0.0)


async def test_another_generation_is_asked_once_it_has_what_was_told_of_the_one_before() -> None:
    before = Store({TWEET_3: 5})
    polled, swapped = progress(before), list[str]()
    await polled.reached(["tweets"], {"new_tweet/3": 5}, PATIENT_S)

    behind = await polled.swap("tweets", Store({TWEET_3: 4}), lambda: swapped.append("too early"))
    level = await polled.swap("tweets", Store({TWEET_3: 5}), lambda: swapped.append("level"))

    assert (behind, level, swapped) == (False, True, ["level"])


async def test_after_a_swap_the_new_generation_is_waited_for() -> None:
    before, after = Store({TWEET_3: 5}), Store({TWEET_3: 5}, {TWEET_3: 5}, {TWEET_3: 6})
    polled = progress(before)
    await polled.swap("tweets", after, lambda: None)
    before.answers = [{TWEET_3: 9}]

    await polled.reached(["tweets"], {"new_tweet/3": 6}, PATIENT_S)

    assert after.asked == 3


async def test_who_waits_during_a_swap_waits_for_the_new_generation() -> None:
    before, after = Store({}), Store({}, {}, {TWEET_3: 7})
    polled = progress(before)
    waiting = asyncio.create_task(polled.reached(["tweets"], {"new_tweet/3": 7}, PATIENT_S))
    await asyncio.sleep(0)

    assert await polled.swap("tweets", after, lambda: None)
    before.answers = [{TWEET_3: 9}]
    await waiting

    assert after.asked == 3
