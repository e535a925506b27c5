"""Ids of the past: the moment is kept, and no id is given twice."""

from collections import Counter
from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import IMPORT_WORKER, SEQUENCE_MAX, compose, is_imported, millis_of
from infra.importing.backdating import BackdatedIds
from tests.facts import NOON_MS


class FakeIndex:
    """Streams that there are."""

    plans = None

    def __init__(self, *streams: str) -> None:
        self.streams = set(streams)

    def receipts(self, scope: str) -> Mapping[str, bytes]:
        return {}

    def existing(self, streams: Collection[str]) -> frozenset[str]:
        return frozenset(self.streams & set(streams))


def imported(sequence: int, ms: int = NOON_MS) -> int:
    return compose(ms, IMPORT_WORKER, sequence)


def test_the_moment_is_in_the_id() -> None:
    (one,) = BackdatedIds(FakeIndex()).take([NOON_MS])

    assert millis_of(one) == NOON_MS
    assert is_imported(one)


def test_posts_of_one_moment_have_ids_of_their_own() -> None:
    assert BackdatedIds(FakeIndex()).take([NOON_MS] * 3) == [imported(n) for n in range(3)]


def test_what_posts_and_accounts_of_the_log_have_is_passed_over() -> None:
    index = FakeIndex(f"post/{imported(0)}", f"account/{imported(1)}", f"post/{imported(3)}")

    assert BackdatedIds(index).take([NOON_MS] * 2) == [imported(2), imported(4)]


def test_what_was_planned_and_perhaps_not_recorded_is_passed_over() -> None:
    ids = BackdatedIds(FakeIndex(), reserved=[imported(0), imported(2)])

    assert ids.take([NOON_MS] * 2) == [imported(1), imported(3)]


def test_a_full_millisecond_runs_into_the_next() -> None:
    taken = BackdatedIds(FakeIndex()).take([NOON_MS] * (SEQUENCE_MAX + 2) + [NOON_MS + 1])

    assert taken[-2] == imported(0, NOON_MS + 1)
    assert taken[-1] == imported(1, NOON_MS + 1)


@given(st.lists(st.lists(st.integers(NOON_MS, NOON_MS + 3), max_size=20), max_size=5))
def test_no_id_is_given_twice_in_a_run_nor_in_the_next(batches: list[list[int]]) -> None:
    index = FakeIndex()
    given_out: Counter[int] = Counter()

    for _ in range(2):
        ids = BackdatedIds(index)
        for batch in batches:
            taken = ids.take(batch)
            assert [millis_of(one) for one in taken] == batch
            given_out.update(taken)
            index.streams |= {f"post/{one}" for one in taken}

    assert max(given_out.values(), default=1) == 1
