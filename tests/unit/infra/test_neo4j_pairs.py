"""What ties change in the registers of pairs, and in which edges."""

from collections.abc import Iterable, Sequence
from itertools import chain
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.events import AccountFollowed, AccountMuted, Recorded
from infra.neo4j.pairs import KINDS, Row, changes, sides_of
from projections.follower_graph import SetTie, project
from tests import facts
from tests.histories import histories

ADA, BOB, CLEO = (facts.account(name) for name in ("ada", "bob", "cleo"))


def ties(recorded: Iterable[Recorded]) -> list[SetTie]:
    return [tie for tie in project([*recorded]) if isinstance(tie, SetTie)]


class Registers:
    """What is in the engine after each batch: registers by their pair, and edges."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], Row] = {}
        self.edges: set[tuple[str, int, int, int]] = set()

    def take(self, batch: Iterable[Recorded]) -> dict[str, list[Row]]:
        written = changes(sides_of(ties(batch)), self.rows.values(), closed=())
        for row in written.get("made", []):
            assert (row[0], row[1]) not in self.rows
        for row in written.get("changed", []):
            assert (row[0], row[1]) in self.rows
        for row in chain(written.get("made", []), written.get("changed", [])):
            self.rows[row[0], row[1]] = row
        for kind in KINDS:
            ended = {(kind, *edge) for edge in written.get(f"ended_{kind}", [])}
            assert ended <= self.edges
            self.edges -= ended
            self.edges |= {(kind, *edge) for edge in written.get(f"begun_{kind}", [])}
        return written


def test_a_first_follow_makes_a_register_and_its_edge() -> None:
    (followed,) = facts.Log().relate(AccountFollowed, "bob", "ada")

    written = Registers().take([followed])

    assert {name: len(rows) for name, rows in written.items()} == {"made": 1, "begun_follows": 1}
    assert written["made"][0][:2] == sorted([ADA, BOB])
    assert written["begun_follows"] == [[BOB, ADA, followed.event.event_id]]


def test_what_is_known_changes_nothing() -> None:
    log = facts.Log()
    log.relate(AccountFollowed, "ada", "bob")
    log.relate(AccountMuted, "bob", "ada")
    registers = Registers()
    registers.take(log.recorded)

    assert registers.take(log.recorded[::-1]) == {}
    assert registers.take(log.recorded[:1]) == {}


def test_ties_to_the_closed_are_none() -> None:
    log = facts.Log()
    log.relate(AccountFollowed, "ada", "bob")
    log.relate(AccountFollowed, "ada", "cleo")

    written = changes(sides_of(ties(log.recorded)), [], closed=[BOB])

    assert [row[:2] for row in written["made"]] == [sorted([ADA, CLEO])]
    assert [edge[:2] for edge in written["begun_follows"]] == [[ADA, CLEO]]


@given(histories(min_steps=12, doings=("relate", "relate", "unrelate")), st.randoms())
def test_any_order_and_repetition_ends_in_the_same_registers_and_edges(
    history: Sequence[Recorded], chance: Random
) -> None:
    at_once, one_by_one = Registers(), Registers()
    at_once.take(history)

    for recorded in chance.sample([*history, *history], 2 * len(history)):
        one_by_one.take([recorded])

    assert one_by_one.rows == at_once.rows
    assert one_by_one.edges == at_once.edges
