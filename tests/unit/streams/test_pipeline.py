"""What happens to an event when the store is down, the record is garbage, or there is a bug."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import pytest

from domain.errors import Unavailable
from domain.events import Recorded, TweetPosted
from domain.ids import AccountId
from projections.projection import Projection, StoreUnavailable, Superseded
from streams import pipeline as pipelines
from streams.dead_letters import Asked, Build, Parked, TooManyParked
from streams.feed import Fed, Unreadable
from streams.pipeline import FAILED_IN_A_ROW_MAX, Paused, Pipeline
from tests import facts


class Note(NamedTuple):
    text: str


def project(batch: Sequence[Recorded]) -> Sequence[Note]:
    notes = []
    for recorded in batch:
        tweet = recorded.event
        assert isinstance(tweet, TweetPosted)
        assert tweet.personal is not None
        if tweet.personal.text == "poison":
            raise ValueError("a bug of the projector")
        notes.append(Note(tweet.personal.text))
    return notes


NOTES = Projection("notes", 1, frozenset({TweetPosted}), project)
BUILD = Build("notes", 1, 1)


class Store:
    """Keeps texts. `outages` are raised by the next writes; it has a bug with the text "rock"."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.position = 0
        self.checkpoints: list[dict[int, int]] = []
        self.outages: list[Exception] = []

    async def apply(self, operations: Sequence[Note], checkpoint: Mapping[int, int]) -> None:
        if self.outages:
            raise self.outages.pop()
        if any(note.text == "rock" for note in operations):
            raise OverflowError("a bug of the adapter")
        self.texts += [note.text for note in operations]
        self.position = max(self.position, *checkpoint.values())
        self.checkpoints.append(dict(checkpoint))

    async def checkpoint(self) -> Mapping[int, int]:
        return {0: self.position}


class Letters:
    """Dead letters in a list; tells the store's position at each parking."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.parked: list[Parked] = []
        self.asked_for: list[Asked] = []
        self.store_was_at: list[int] = []
        self.most = 1_000

    async def park(self, parked: Sequence[Parked]) -> None:
        known = {one[:3] for one in self.parked}
        new = [one for one in parked if one[:3] not in known]
        if new and len(known) >= self.most:
            raise TooManyParked(len(known))
        self.parked += new
        self.store_was_at.append(self._store.position)

    async def keys(self, build: Build) -> frozenset[int]:
        return frozenset(p.key for p in self.parked if p.key is not None)

    async def asked(self, build: Build) -> Sequence[Asked]:
        waiting = [one for one in self.asked_for if one.letter in self.parked]
        return waiting if build == BUILD else ()

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        alone = letter.key is None
        return [p for p in self.parked if p == letter or (not alone and p.key == letter.key)]

    async def drop(self, letter: Parked) -> None:
        self.parked.remove(letter)

    async def keep(self, letter: Parked, error: str) -> None:
        self.asked_for = [one for one in self.asked_for if one.letter.key != letter.key]


class House:
    def __init__(self) -> None:
        self.store = Store()
        self.letters = Letters(self.store)
        self.stalls: list[str] = []
        self.pipeline = Pipeline(
            NOTES,
            self.store,
            self.letters,
            stalled=lambda name, error: self.stalls.append(f"{name}: {error}"),
        )

    @property
    def parked(self) -> list[tuple[int, str]]:
        return [(letter.position, letter.error) for letter in self.letters.parked]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(pipelines, "RETRY_FIRST_S", 0.0)
    return House()


def log_of(*texts: tuple[str, str]) -> list[Fed]:
    return list(facts.recorded(facts.tweet(author, text) for author, text in texts))


async def test_a_batch_moves_the_store_and_its_checkpoint(house: House) -> None:
    reached = await house.pipeline.take(log_of(("ada", "a"), ("bob", "b")))

    assert (reached, house.store.position, house.store.texts) == ({0: 2}, 2, ["a", "b"])


async def test_a_batch_without_wanted_events_moves_the_checkpoint_too(house: House) -> None:
    await house.pipeline.take([*facts.recorded([facts.opened("ada")])])

    assert (house.store.position, house.store.texts) == (1, [])


async def test_a_batch_of_several_partitions_moves_the_checkpoint_of_each(house: House) -> None:
    batch = [in_partition(1, at=4), in_partition(2, at=9), in_partition(1, at=5)]

    reached = await house.pipeline.take(batch)

    assert reached == {1: 5, 2: 9}
    assert house.store.checkpoints == [{1: 5, 2: 9}]


async def test_the_checkpoint_moves_over_what_nobody_wanted_to_read(house: House) -> None:
    reached = await house.pipeline.take([in_partition(1, at=4)], {1: 7, 2: 3})

    assert reached == {1: 7, 2: 3}
    assert house.store.checkpoints == [{1: 7, 2: 3}]


async def test_poison_in_one_partition_moves_the_checkpoint_of_each(house: House) -> None:
    batch = [in_partition(1, at=4, text="poison"), in_partition(2, at=9, author="bob")]

    await house.pipeline.take(batch)

    assert house.parked == [(4, "ValueError: a bug of the projector")]
    assert house.store.checkpoints == [{2: 9}, {1: 4, 2: 9}]


async def test_only_the_owner_of_a_partition_answers_for_its_letters(house: House) -> None:
    letters = [Parked(BUILD, partition, 1, 7 + partition, "a bug") for partition in (1, 2)]
    house.letters.parked = list(letters)
    house.letters.asked_for = [Asked(letter, discard=True) for letter in letters]

    await house.pipeline.settle(Nowhere(), {2}.__contains__)

    assert house.letters.parked == letters[:1]


async def test_keys_that_others_have_parked_are_known_after_looking_again(house: House) -> None:
    await house.pipeline.take([facts_at(1, "ada", "a")])
    house.letters.parked = [Parked(BUILD, 1, 1, facts.account("ada"), "a bug")]

    house.pipeline.look_again()
    await house.pipeline.take([facts_at(2, "ada", "after")])

    assert house.store.texts == ["a"]


async def test_a_store_that_is_down_is_asked_again_until_it_answers(house: House) -> None:
    house.store.outages = [StoreUnavailable("still down"), StoreUnavailable("down")]

    await house.pipeline.take(log_of(("ada", "a")))

    assert house.store.texts == ["a"]
    assert house.stalls == ["notes: down", "notes: still down"]
    assert house.parked == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("poison", "ValueError: a bug of the projector"),
        ("rock", "OverflowError: a bug of the adapter"),
    ],
)
async def test_a_bug_parks_the_event_and_what_follows_it_by_key(
    house: House, text: str, error: str
) -> None:
    batch = log_of(("ada", "a"), ("ada", text), ("bob", "b"), ("ada", "after"))

    await house.pipeline.take(batch)
    await house.pipeline.take([facts_at(5, "ada", "later"), facts_at(6, "bob", "c")])

    assert house.store.texts == ["a", "b", "c"]
    assert house.store.position == 6
    assert house.parked == [
        (2, error),
        (4, "follows a parked event of its key"),
        (5, "follows a parked event of its key"),
    ]


async def test_what_another_process_has_claimed_is_neither_parked_nor_tried_again(
    house: House,
) -> None:
    house.store.outages = [Superseded([0])]

    with pytest.raises(Superseded):
        await house.pipeline.take(log_of(("ada", "a"), ("bob", "b")))

    assert (house.parked, house.store.texts, house.stalls) == ([], [], [])


async def test_an_event_is_parked_before_the_checkpoint_passes_it(house: House) -> None:
    await house.pipeline.take(log_of(("ada", "a"), ("bob", "poison"), ("cleo", "c")))

    assert house.letters.store_was_at == [1]


async def test_garbage_is_parked_without_a_key(house: House) -> None:
    garbage = Unreadable(1, "tweet.posted.v1", b"", "not msgpack", unknown_type=False)

    await house.pipeline.take([garbage, facts_at(2, "ada", "a")])

    assert house.parked == [(1, "not msgpack")]
    assert house.store.texts == ["a"]


async def test_an_unknown_type_pauses_and_nothing_passes_it(house: House) -> None:
    newer = Unreadable(2, "tweet.pinned.v1", b"", "unknown", unknown_type=True)

    with pytest.raises(Paused):
        await house.pipeline.take([facts_at(1, "ada", "a"), newer])

    assert house.store.position == 0


async def test_a_bad_deploy_pauses_instead_of_parking_the_whole_log(house: House) -> None:
    batch = [of_another(n, "poison") for n in range(1, FAILED_IN_A_ROW_MAX + 50)]

    for _ in range(3):
        with pytest.raises(Paused, match="in a row"):
            await house.pipeline.take(batch)

    assert len(house.parked) == FAILED_IN_A_ROW_MAX
    assert house.store.position == 0


async def test_what_follows_one_parked_event_is_no_bad_deploy(house: House) -> None:
    batch = [facts_at(1, "ada", "poison")]
    batch += [facts_at(n, "ada", "after") for n in range(2, FAILED_IN_A_ROW_MAX + 50)]

    await house.pipeline.take(batch)
    await house.pipeline.take([facts_at(500, "bob", "b")])

    assert len(house.parked) == len(batch)
    assert house.store.texts == ["b"]


async def test_a_projection_with_too_many_dead_letters_stops_before_them(house: House) -> None:
    house.letters.most = 2
    batch = log_of(("ada", "poison"), ("ada", "after"), ("bob", "b"), ("cleo", "poison"))

    for _ in range(2):
        with pytest.raises(Paused, match="It has 2 dead letters"):
            await house.pipeline.take(batch)

    assert [position for position, _ in house.parked] == [1, 2]
    assert house.store.position == 3


async def test_it_goes_on_once_they_are_fewer(house: House) -> None:
    house.letters.most = 1
    batch = log_of(("ada", "poison"), ("bob", "poison"), ("cleo", "c"))
    with pytest.raises(Paused):
        await house.pipeline.take(batch)
    house.letters.asked_for = [Asked(house.letters.parked[0], discard=True)]

    await house.pipeline.settle(Nowhere())
    await house.pipeline.take(batch[1:])

    assert house.parked == [(2, "ValueError: a bug of the projector")]
    assert house.store.texts == ["c"]


async def test_while_a_key_is_parked_the_others_are_still_applied_in_batches(house: House) -> None:
    await house.pipeline.take(log_of(("ada", "poison")))

    await house.pipeline.take([facts_at(2, "bob", "b"), facts_at(3, "cleo", "c")])

    assert house.store.checkpoints[-1] == {0: 3}
    assert len(house.store.checkpoints) == 2


async def test_an_event_that_is_not_in_the_log_any_more_stays_parked(house: House) -> None:
    await house.pipeline.take(log_of(("ada", "poison")))
    house.letters.asked_for = [Asked(house.letters.parked[0], discard=False)]

    await house.pipeline.settle(Logged([facts_at(2, "ada", "another")]))

    assert [position for position, _ in house.parked] == [1]
    assert house.store.texts == []


async def test_while_the_log_does_not_answer_a_retry_stays_asked_for(house: House) -> None:
    await house.pipeline.take(log_of(("ada", "poison")))
    house.letters.asked_for = [Asked(house.letters.parked[0], discard=False)]
    feed = Logged([facts_at(1, "ada", "mended")], outages=1)

    await house.pipeline.settle(feed)
    waiting = house.parked
    await house.pipeline.settle(feed)

    assert len(waiting) == 1
    assert (house.parked, house.store.texts) == ([], ["mended"])


async def test_a_retry_passes_over_nothing_that_was_not_taken_yet(house: House) -> None:
    await house.pipeline.take([facts_at(1, "ada", "a")])
    house.letters.parked = [Parked(BUILD, 0, 3, facts.account("bob"), "parked, then it crashed")]
    house.letters.asked_for = [Asked(house.letters.parked[0], discard=False)]

    await house.pipeline.settle(Logged([facts_at(3, "bob", "b")]))

    assert (house.store.texts, house.store.position) == (["a", "b"], 1)


async def test_garbage_that_turns_out_to_be_of_no_interest_is_gone(house: House) -> None:
    garbage = Unreadable(1, "account.opened.v1", b"", "not msgpack", unknown_type=False)
    await house.pipeline.take([garbage])
    house.letters.asked_for = [Asked(house.letters.parked[0], discard=False)]

    await house.pipeline.settle(Logged([*facts.recorded([facts.opened("ada")])]))

    assert (house.parked, house.store.texts) == ([], [])


async def test_settling_takes_turns_with_the_batches(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "SETTLE_S_MAX", -1.0)
    await house.pipeline.take(log_of(("ada", "poison")))
    house.letters.asked_for = [Asked(house.letters.parked[0], discard=True)]

    assert await house.pipeline.settle(Nowhere())
    monkeypatch.undo()
    assert not await house.pipeline.settle(Nowhere())

    assert house.parked == []


async def test_a_pipeline_that_starts_anew_knows_which_keys_are_parked(house: House) -> None:
    await house.pipeline.take(log_of(("ada", "poison")))
    again = Pipeline(NOTES, house.store, house.letters, stalled=lambda _name, _error: None)

    await again.take([facts_at(2, "ada", "after"), facts_at(3, "bob", "b")])

    assert house.store.texts == ["b"]
    assert [position for position, _ in house.parked] == [1, 2]


def facts_at(position: int, author: str, text: str) -> Recorded:
    tweet = facts.tweet(author, text)
    return Recorded(tweet, int(tweet.event_id), position)


def of_another(position: int, text: str) -> Recorded:
    """By somebody who posts nothing else."""
    tweet = msgspec.structs.replace(facts.tweet("ada", text), actor_id=AccountId(position))
    return Recorded(tweet, int(tweet.event_id), position)


def in_partition(partition: int, *, at: int, author: str = "ada", text: str = "x") -> Recorded:
    return facts_at(at, author, text)._replace(partition=partition)


class Logged:
    """A feed of these events; it first has `outages`."""

    partitions = (0,)

    def __init__(self, events: Sequence[Fed], *, outages: int = 0) -> None:
        self._events = events
        self._outages = outages

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        if self._outages:
            self._outages -= 1
            raise Unavailable("the log is down")
        return [one for one in self._events if one.position > after][:limit]

    async def wait(self, partition: int, after: int) -> None:
        """At once."""

    def head(self, partition: int) -> int:
        return self._events[-1].position


class Nowhere:
    """A feed without events."""

    partitions = ()

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        return ()

    async def wait(self, partition: int, after: int) -> None:
        """At once."""

    def head(self, partition: int) -> int:
        return 0
