"""What happens to an event when the store is down, the record is garbage, or there is a bug."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest

from domain.events import Recorded, TweetPosted
from projections.projection import Projection, StoreUnavailable
from streams import pipeline as pipelines
from streams.dead_letters import Asked, Parked
from streams.feed import Fed, Unreadable
from streams.pipeline import PARKED_IN_A_ROW_MAX, Paused, Pipeline
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
        self.discarded: list[Asked] = []
        self.store_was_at: list[int] = []

    async def park(self, parked: Sequence[Parked]) -> None:
        self.parked += parked
        self.store_was_at.append(self._store.position)

    async def keys(self, projection: str) -> frozenset[int]:
        return frozenset(p.key for p in self.parked if p.key is not None)

    async def asked(self, projection: str) -> Sequence[Asked]:
        return self.discarded

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        return ()

    async def drop(self, letter: Parked) -> None:
        self.parked.remove(letter)

    async def keep(self, letter: Parked, error: str) -> None:
        self.parked.append(letter)


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
    letters = [Parked("notes", partition, 1, 7, "a bug") for partition in (1, 2)]
    house.letters.parked = list(letters)
    house.letters.discarded = [Asked(letter, discard=True) for letter in letters]

    await house.pipeline.settle(Nowhere(), {2}.__contains__)

    assert house.letters.parked == letters[:1]


async def test_keys_that_others_have_parked_are_known_after_looking_again(house: House) -> None:
    await house.pipeline.take([facts_at(1, "ada", "a")])
    house.letters.parked = [Parked("notes", 1, 1, facts.account("ada"), "a bug")]

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
    batch = [facts_at(n, "ada", "poison") for n in range(1, PARKED_IN_A_ROW_MAX + 50)]

    with pytest.raises(Paused):
        await house.pipeline.take(batch)

    assert len(house.parked) == PARKED_IN_A_ROW_MAX
    assert house.store.position == 0


async def test_a_pipeline_that_starts_anew_knows_which_keys_are_parked(house: House) -> None:
    await house.pipeline.take(log_of(("ada", "poison")))
    again = Pipeline(NOTES, house.store, house.letters, stalled=lambda _name, _error: None)

    await again.take([facts_at(2, "ada", "after"), facts_at(3, "bob", "b")])

    assert house.store.texts == ["b"]
    assert [position for position, _ in house.parked] == [1, 2]


def facts_at(position: int, author: str, text: str) -> Recorded:
    tweet = facts.tweet(author, text)
    return Recorded(tweet, int(tweet.event_id), position)


def in_partition(partition: int, *, at: int, author: str = "ada", text: str = "x") -> Recorded:
    return facts_at(at, author, text)._replace(partition=partition)


class Nowhere:
    """A feed without events."""

    partitions = ()

    async def read(self, partition: int, after: int, limit: int) -> Sequence[Fed]:
        return ()

    async def wait(self, partition: int, after: int) -> None:
        """At once."""

    def head(self, partition: int) -> int:
        return 0
