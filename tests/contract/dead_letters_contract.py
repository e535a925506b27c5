"""What every keeper of dead letters must do, and the pipeline that parks, retries and discards."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import pytest

from domain.events import Recorded, TweetPosted
from infra.profiles import profile
from projections.projection import Projection
from read_api.ports import LetterPlace
from streams.dead_letters import Asked, Build, DeadLetters, Parked, TooManyParked
from streams.feed import Fed, Unreadable
from streams.pipeline import Paused, Pipeline
from tests import facts

ADA, BOB = facts.account("ada"), facts.account("bob")
WORDS, OTHER = Build("words", 1, 1), Build("other", 1, 1)


class WholeDeadLetters(DeadLetters, profile.DeadLetters, Protocol):
    """All that workers, the read API and administrators need of them."""

    parked_max: int


class Bench:
    """A projection of tweets' words that cannot take those in `odd`, over a log in memory."""

    partitions = (0,)

    def __init__(self, dead_letters: WholeDeadLetters, *, generation: int = 1) -> None:
        self.dead_letters = dead_letters
        self.generation = generation
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
            generation=self.generation,
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
        """Turn by turn: how much is done in one depends on how long it takes."""
        while await self.pipeline.settle(self):
            pass

    async def waiting(self) -> list[tuple[int, str]]:
        found = await self.dead_letters.parked("words", 100)
        own = [letter for letter in found if letter.generation == self.generation]
        return [(letter.position, letter.error) for letter in own]

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
        assert await bench.dead_letters.asked(WORDS) == []
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
        letter = Parked(WORDS, 0, 7, ADA, "first")

        await bench.dead_letters.park([letter, letter._replace(error="second")])

        assert await bench.waiting() == [(7, "first")]

    async def test_keys_are_those_of_one_projection(self, bench: Bench) -> None:
        await bench.dead_letters.park(
            [
                Parked(WORDS, 0, 1, ADA, "odd"),
                Parked(WORDS, 0, 2, None, "odd"),
            ]
        )
        await bench.dead_letters.park([Parked(OTHER, 0, 1, BOB, "odd")])

        assert await bench.dead_letters.keys(WORDS) == {ADA}
        assert await bench.dead_letters.counts() == {OTHER: 1, WORDS: 2}

    async def test_a_request_needs_a_letter(self, bench: Bench) -> None:
        letter = Parked(WORDS, 0, 7, ADA, "odd")
        await bench.dead_letters.park([letter])

        assert not await bench.dead_letters.request("words", 0, 8, "retry")
        assert await bench.dead_letters.request("words", 0, 7, "discard")
        assert await bench.dead_letters.asked(WORDS) == [Asked(letter, discard=True)]
        assert await bench.dead_letters.asked(OTHER) == []

    async def test_the_list_goes_on_behind_a_place(self, bench: Bench) -> None:
        builds = [Build("a", 1, 1), Build("a", 1, 2), Build("a", 2, 1), Build("b", 1, 1)]
        for build in builds:
            await bench.dead_letters.park(
                [Parked(build, partition, 1, None, "odd") for partition in (0, 1)]
            )
        places = [(*build, partition, 1) for build in builds for partition in (0, 1)]

        for at, place in enumerate(places, start=1):
            found = await bench.dead_letters.parked(None, 2, after=LetterPlace(*place))
            assert [letter[:5] for letter in found] == places[at : at + 2]
        assert [letter[:5] for letter in await bench.dead_letters.parked("b", 9)] == places[-2:]

    async def test_an_error_may_quote_anything(self, bench: Bench) -> None:
        await bench.dead_letters.park([Parked(WORDS, 0, 7, ADA, "odd \0 \ud800 天")])

        [(_, error)] = await bench.waiting()

        assert error.startswith("odd ")
        assert error.endswith(" 天")

    async def test_partitions_have_letters_of_their_own(self, bench: Bench) -> None:
        letters = [Parked(WORDS, partition, 7, ADA, "odd") for partition in (1_000, 5_007)]
        await bench.dead_letters.park(letters)

        assert await bench.dead_letters.queue_of(letters[0]) == letters[:1]
        await bench.dead_letters.drop(letters[0])
        assert await bench.dead_letters.queue_of(letters[1]) == letters[1:]

    async def test_a_retry_of_one_asks_also_for_what_follows_it(self, bench: Bench) -> None:
        await given_parked(bench)
        await bench.take_garbage()

        assert await bench.dead_letters.request("words", 0, 2, "retry")

        asked = await bench.dead_letters.asked(WORDS)
        assert [(one.letter.position, one.discard) for one in asked] == [(2, False), (3, False)]
        assert await bench.dead_letters.unanswered("words") == 2

    async def test_what_follows_it_in_other_partitions_is_asked_for_too(self, bench: Bench) -> None:
        follower = Parked(WORDS, 5_007, 3, ADA, "follows")
        await bench.dead_letters.park([Parked(WORDS, 1_000, 7, ADA, "odd"), follower])
        await bench.dead_letters.park([Parked(WORDS, 5_007, 4, BOB, "odd")])

        await bench.dead_letters.request("words", 1_000, 7, "discard")

        found = await bench.dead_letters.asked(WORDS)
        assert [(one.letter.partition, one.discard) for one in found] == [
            (1_000, True),
            (5_007, False),
        ]
        assert found[1].letter == follower

    async def test_what_follows_a_discarded_event_is_retried(self, bench: Bench) -> None:
        await given_parked(bench)

        await bench.dead_letters.request("words", 0, 2, "discard")

        asked = await bench.dead_letters.asked(WORDS)
        assert [(one.letter.position, one.discard) for one in asked] == [(2, True), (3, False)]

    async def test_all_that_waits_is_retried_at_once(self, bench: Bench) -> None:
        bench.odd = {"one", "two"}
        await bench.take(facts.tweet("ada", "one"), facts.tweet("bob", "two"))
        await bench.take(facts.tweet("ada", "three"), facts.tweet("bob", "four"))
        await bench.take_garbage()
        bench.odd = {"two"}

        assert await bench.dead_letters.retry_all("words") == 5
        assert await bench.dead_letters.retry_all("words") == 0
        await bench.settle()

        assert bench.applied == ["one", "three"]
        assert [position for position, _ in await bench.waiting()] == [2, 4, 5]
        assert await bench.dead_letters.unanswered("words") == 0

    async def test_generations_have_letters_of_their_own(self, bench: Bench) -> None:
        newer = Bench(bench.dead_letters, generation=2)
        await given_parked(bench)
        await given_parked(newer)
        bench.odd.clear()
        assert await bench.dead_letters.request("words", 0, 2, "retry")

        await bench.settle()
        waiting_of_newer = await newer.waiting()
        await newer.settle()

        assert bench.applied == ["one", "four", "two", "three"]
        assert await bench.waiting() == []
        assert [position for position, _ in waiting_of_newer] == [2, 3]
        assert newer.applied == ["one", "four"]
        assert await newer.waiting() == [
            (2, "ValueError: two"),
            (3, "follows a parked event of its key"),
        ]

    async def test_the_letters_of_an_event_are_found_by_its_place(self, bench: Bench) -> None:
        for build in (WORDS._replace(generation=2), WORDS, OTHER):
            await bench.dead_letters.park([Parked(build, 0, 7, ADA, f"{build.generation}")])

        found = await bench.dead_letters.at("words", 0, 7)

        assert [(letter.generation, letter.error) for letter in found] == [(1, "1"), (2, "2")]
        assert await bench.dead_letters.at("words", 0, 8) == []

    async def test_with_a_generation_go_its_letters(self, bench: Bench) -> None:
        kept = WORDS._replace(generation=2)
        for build in (WORDS, kept):
            await bench.dead_letters.park([Parked(build, 0, 7, ADA, "odd")])

        await bench.dead_letters.forget(WORDS)

        assert await bench.dead_letters.counts() == {kept: 1}

    async def test_a_build_has_at_most_so_many(self, bench: Bench) -> None:
        bench.dead_letters.parked_max = 3
        letters = [Parked(WORDS, 0, position, ADA, "odd") for position in range(1, 7)]
        await bench.dead_letters.park(letters[:2])
        await bench.dead_letters.park(letters[2:4])

        with pytest.raises(TooManyParked, match="It has 4 dead letters"):
            await bench.dead_letters.park(letters[3:5])
        await bench.dead_letters.park(letters[:4])
        await bench.dead_letters.park([letters[5]._replace(build=OTHER)])

        assert await bench.dead_letters.counts() == {WORDS: 4, OTHER: 1}

    async def test_a_projection_with_too_many_goes_on_after_a_retry(self, bench: Bench) -> None:
        bench.dead_letters.parked_max = 2
        await given_parked(bench)
        with pytest.raises(Paused):
            await bench.take(facts.tweet("ada", "five"))
        bench.odd.clear()
        await bench.dead_letters.retry_all("words")

        await bench.settle()
        await bench.pipeline.take(bench.log[4:])

        assert bench.applied == ["one", "four", "two", "three", "five"]
        assert await bench.waiting() == []
