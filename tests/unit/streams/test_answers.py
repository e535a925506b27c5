"""Digests and differences of answers."""

from hypothesis import given
from hypothesis import strategies as st

from streams.answers.comparing import Digests, differences, encoded
from streams.answers.keys import SHARDS, Key, Known
from tests import facts

ANSWERS = st.dictionaries(
    st.integers(0, 999).map(lambda number: Key("post", number)), st.binary(max_size=8), max_size=30
)


def digests(answers: list[tuple[Key, bytes]]) -> Digests:
    found = Digests()
    for key, answer in answers:
        found.add(key, answer)
    return found


@given(ANSWERS, st.randoms(use_true_random=False))
def test_no_order_changes_a_digest(answers: dict[Key, bytes], drawn: object) -> None:
    shuffled = list(answers.items())
    drawn.shuffle(shuffled)  # type: ignore[attr-defined]

    assert digests(shuffled).shards == digests(list(answers.items())).shards


@given(ANSWERS.filter(bool), st.data())
def test_one_other_answer_changes_the_digest_of_its_shard_alone(
    answers: dict[Key, bytes], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(answers)))
    before = digests(list(answers.items()))
    after = digests(list((answers | {key: answers[key] + b"!"}).items()))

    changed = [n for n in range(SHARDS) if before.shards[n] != after.shards[n]]
    assert changed == [key.shard]
    assert before.whole != after.whole


def test_two_answers_that_changed_places_change_the_digest() -> None:
    one, other = Key("post", 1), Key("post", 2)

    assert (
        digests([(one, b"a"), (other, b"b")]).whole != digests([(one, b"b"), (other, b"a")]).whole
    )


def test_what_means_the_same_is_the_same() -> None:
    assert encoded({"a": (1, 2), "b": None}) == encoded({"b": None, "a": [1, 2]})


def test_a_difference_is_told_by_what_only_one_side_has() -> None:
    view, log = encoded({"home": [1, 2, 3], "count": 3}), encoded({"home": [1, 3, 4], "count": 3})

    (difference,) = differences(Key("account", 7), view, log)

    assert difference == ("account/7", "home", "[2] (of 3)", "[4] (of 3)")


def test_what_is_known_is_what_events_name() -> None:
    known = Known(["account", "post", "term", "tag", "handle"])
    tweet = facts.tweet("ada", "good #Morning")
    for event in (facts.opened("ada"), tweet, facts.liked("bob", tweet)):
        known.note(event)

    assert {key.id for key in known.keys("account")} == {facts.account("ada"), facts.account("bob")}
    assert [key.id for key in known.keys("post")] == [tweet.post_id]
    assert {key.id for key in known.keys("term")} == {"good", "morning", "#morning"}
    assert [key.name for key in known.keys("tag")] == ["tag/morning"]
    assert [key.name for key in known.keys("handle")] == ["handle/ada"]


def test_a_sample_is_so_many_of_them() -> None:
    known = Known(["account"])
    for name in facts.NAMES:
        known.note(facts.opened(name))

    assert len(known.keys("account", 3)) == 3
    assert len(known.keys("account", 99)) == len(known.keys("account")) == len(facts.NAMES)
