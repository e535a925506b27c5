"""What every keeper of dead letters must do, and the pipeline that parks, retries and discards."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import pytest

from commands.ports import DeadLetterRequests
from domain.events import Recorded, TweetPosted
from projections.projection import Projection
from read_api.ports import DeadLetters as ListedLetters
from read_api.ports import LetterPlace
from streams.dead_letters import Asked, DeadLetters, Parked
from streams.feed import Fed, Unreadable
from streams.pipeline import Pipeline
from tests import facts

ADA, BOB = facts.account("ada"), facts.account("bob")


class WholeDeadLetters(DeadLetters, ListedLetters, DeadLetterRequests, Protocol):
    """All that workers, the read API and administrators need of them."""

    async def counts(self) -> dict[str, int]: ...


class Bench:
    """A projection of tweets' words that cannot take those in `odd`, over a log in memory."""

    partitions = (0,)

    def __init__(self, dead_letters: WholeDeadLetters) -> None:
        self.dead_letters = dead_letters
        self.odd: set[str] = set()
        self.log: list[Fed] = []
        self.applied: list[str] = []
        self.position = 0
        self.stalls: list[Exception] = []
        self.pipeline = self.restarted()

    def restarted(self) -> Pipeline:
        """As after a restart: what was in memory is gone."""
        projection = Projection("words", 1, frozenset({TweetPosted}), self._project)
        self.pipeline = Pipeline(
            projection,
            self,
            self.dead_letters,
            stalled=lambda _name, error: self.stalls.append(error),
        )
        return self.pipeline

    async def take(self, *tweets: TweetPosted) -> None:
        recorded = [
            Recorded(tweet, tweet.event_id, len(self.log) + place)
            for place, tweet in enumerate(tweets, start=1)
        ]
        self.log += recorded
        await self.pipeline.take(recorded)

    async def take_garbage(self) -> None:
        garbage = Unreadable(len(self.log) + 1, "odd.v1", b"", "not msgpack", unknown_type=False)
        self.log.append(garbage)
        await self.pipeline.take([garbage])

    async def settle(self) -> None:
        await self.pipeline.settle(self)

    async def waiting(self) -> list[tuple[int, str]]:
        found = await self.dead_letters.parked("words", 100)
        return [(letter.position, letter.error) for letter in found]

    def _project(self, batch: Sequence[Recorded]) -> Sequence[str]:
        words = []
        for recorded in batch:
            assert isinstance(recorded.event, TweetPosted)
            assert recorded.event.personal is not None
            text = recorded.event.personal.text
            if text in self.odd:
                raise ValueError(text)
            words.append(text)
        return words

    async def apply(self, operations: Sequence[str], checkpoint: Mapping[int, int]) -> None:
        self.applied += operations
        self.position = max(self.position, *checkpoint.values())

    async def checkpoint(self) -> Mapping[int, int]:
        return {0: self.position}

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        return self.log[after : after + limit]

    async def wait(self, partition: int, after: int) -> None:
        """There is always something."""

    def head(self, partition: int) -> int:
        return len(self.log)


async def given_parked(bench: Bench) -> None:
    """Ada's second tweet cannot be taken, and her third follows it; bob's goes on."""
    bench.odd = {"two"}
    await bench.take(facts.tweet("ada", "one"), facts.tweet("ada", "two"))
    await bench.take(facts.tweet("ada", "three"), facts.tweet("bob", "four"))


class DeadLettersContract(ABC):
    """Subclass with a `dead_letters` fixture that gives an empty place for them."""

    @pytest.fixture
    @abstractmethod
    def dead_letters(self) -> WholeDeadLetters: ...

    @pytest.fixture
    def bench(self, dead_letters: WholeDeadLetters) -> Bench:
        return Bench(dead_letters)

    async def test_later_events_of_a_key_follow_the_parked_one(self, bench: Bench) -> None:
        await given_parked(bench)

        assert bench.applied == ["one", "four"]
        assert await bench.waiting() == [
            (2, "ValueError: two"),
            (3, "follows a parked event of its key"),
        ]
        assert bench.position == 4

    async def test_a_retry_applies_the_event_and_its_followers_in_order(self, bench: Bench) -> None:
        await given_parked(bench)
        bench.odd.clear()
        await bench.dead_letters.request("words", 0, 2, "retry")

        await bench.settle()
        await bench.take(facts.tweet("ada", "five"))

        assert bench.applied == ["one", "four", "two", "three", "five"]
        assert await bench.waiting() == []
        assert bench.position == 5

    async def test_retrying_a_follower_begins_with_what_it_follows(self, bench: Bench) -> None:
        await given_parked(bench)
        bench.odd.clear()
        await bench.dead_letters.request("words", 0, 3, "retry")

        await bench.settle()

        assert bench.applied == ["one", "four", "two", "three"]

    async def test_a_retry_in_vain_keeps_them_and_is_not_repeated(self, bench: Bench) -> None:
        await given_parked(bench)
        for position in (2, 3):
            await bench.dead_letters.request("words", 0, position, "retry")

        await bench.settle()

        assert [position for position, _ in await bench.waiting()] == [2, 3]
        assert await bench.dead_letters.asked("words") == []
        await bench.take(facts.tweet("ada", "five"))
        assert bench.applied == ["one", "four"]

    async def test_a_discarded_event_is_gone_and_its_followers_go_on(self, bench: Bench) -> None:
        await given_parked(bench)
        await bench.dead_letters.request("words", 0, 2, "discard")

        await bench.settle()

        assert bench.applied == ["one", "four", "three"]
        assert await bench.waiting() == []

    async def test_garbage_is_retried_and_discarded_alone(self, bench: Bench) -> None:
        await given_parked(bench)
        await bench.take_garbage()
        await bench.dead_letters.request("words", 0, 5, "retry")
        await bench.settle()
        still = await bench.waiting()

        await bench.dead_letters.request("words", 0, 5, "discard")
        await bench.settle()

        assert still[-1] == (5, "not msgpack")
        assert [position for position, _ in await bench.waiting()] == [2, 3]

    async def test_a_request_is_answered_after_a_restart(self, bench: Bench) -> None:
        await given_parked(bench)
        bench.odd.clear()
        await bench.dead_letters.request("words", 0, 2, "retry")
        bench.restarted()

        await bench.settle()

        assert bench.applied[2:] == ["two", "three"]

    async def test_parking_again_changes_nothing(self, bench: Bench) -> None:
        letter = Parked("words", 0, 7, ADA, "first")

        await bench.dead_letters.park([letter, letter._replace(error="second")])

        assert await bench.waiting() == [(7, "first")]

    async def test_keys_are_those_of_one_projection(self, bench: Bench) -> None:
        await bench.dead_letters.park(
            [
                Parked("words", 0, 1, ADA, "odd"),
                Parked("words", 0, 2, None, "odd"),
                Parked("other", 0, 1, BOB, "odd"),
            ]
        )

        assert await bench.dead_letters.keys("words") == {ADA}
        assert await bench.dead_letters.counts() == {"other": 1, "words": 2}

    async def test_a_request_needs_a_letter(self, bench: Bench) -> None:
        letter = Parked("words", 0, 7, ADA, "odd")
        await bench.dead_letters.park([letter])

        assert not await bench.dead_letters.request("words", 0, 8, "retry")
        assert await bench.dead_letters.request("words", 0, 7, "discard")
        assert await bench.dead_letters.asked("words") == [Asked(letter, discard=True)]
        assert await bench.dead_letters.asked("other") == []

    async def test_the_list_goes_on_behind_a_place(self, bench: Bench) -> None:
        letters = [Parked(name, 0, place, None, "odd") for name in ("a", "b") for place in (1, 2)]
        await bench.dead_letters.park(letters)

        found = await bench.dead_letters.parked(None, 2, after=LetterPlace("a", 0, 1))

        assert [letter[:3] for letter in found] == [("a", 0, 2), ("b", 0, 1)]

    async def test_an_error_may_quote_anything(self, bench: Bench) -> None:
        await bench.dead_letters.park([Parked("words", 0, 7, ADA, "odd \0 \ud800 天")])

        [(_, error)] = await bench.waiting()

        assert error.startswith("odd ")
        assert error.endswith(" 天")

    async def test_partitions_have_letters_of_their_own(self, bench: Bench) -> None:
        letters = [Parked("words", partition, 7, ADA, "odd") for partition in (1_000, 5_007)]
        await bench.dead_letters.park(letters)

        assert await bench.dead_letters.queue_of(letters[0]) == letters[:1]
        await bench.dead_letters.drop(letters[0])
        assert await bench.dead_letters.queue_of(letters[1]) == letters[1:]
