"""Follow, block and mute against a model that keeps plain sets."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import relationships
from domain.errors import Blocked, Invalid
from domain.events import (
    AccountBlocked,
    AccountFollowed,
    AccountMuted,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    PairState,
    RelationshipFact,
)
from domain.ids import AccountId, EventId
from domain.relationships import CHANGES

LOW, HIGH = AccountId(1), AccountId(2)
Step = tuple[type[RelationshipFact], AccountId, AccountId]
Pairs = set[tuple[AccountId, AccountId]]

steps = st.lists(
    st.tuples(st.sampled_from(list(CHANGES)), st.sampled_from([(LOW, HIGH), (HIGH, LOW)])).map(
        lambda drawn: (drawn[0], *drawn[1])
    ),
    max_size=30,
)


class Model:
    """Who follows, blocks and mutes whom, as a reader of the contract would keep it."""

    def __init__(self) -> None:
        self.follows: Pairs = set()
        self.blocks: Pairs = set()
        self.mutes: Pairs = set()

    def do(self, fact: type[RelationshipFact], actor: AccountId, target: AccountId) -> bool:
        """Whether it is allowed; if so it is done."""
        pair, back = (actor, target), (target, actor)
        if fact is AccountFollowed:
            if pair in self.blocks or back in self.blocks:
                return False
            self.follows.add(pair)
        elif fact is AccountUnfollowed:
            self.follows.discard(pair)
        elif fact is AccountBlocked:
            self.blocks.add(pair)
            self.follows -= {pair, back}
        elif fact is AccountUnblocked:
            self.blocks.discard(pair)
        elif fact is AccountMuted:
            self.mutes.add(pair)
        else:
            self.mutes.discard(pair)
        return True

    def seen(self) -> tuple[Pairs, Pairs, Pairs]:
        return set(self.follows), set(self.blocks), set(self.mutes)


def seen(state: PairState) -> tuple[Pairs, Pairs, Pairs]:
    both = ((state.low, (LOW, HIGH)), (state.high, (HIGH, LOW)))
    return (
        {pair for standing, pair in both if standing.follows},
        {pair for standing, pair in both if standing.blocks},
        {pair for standing, pair in both if standing.mutes},
    )


def decide(step: Step, state: PairState) -> RelationshipFact | None:
    fact, actor, target = step
    return relationships.decide(fact, state, actor_id=actor, target_id=target, event_id=EventId(7))


def after(state: PairState, history: Sequence[Step]) -> PairState:
    for step in history:
        try:
            event = decide(step, state)
        except Blocked:
            continue
        state = event.after if event else state
    return state


@given(steps)
def test_every_decision_is_that_of_the_model(history: list[Step]) -> None:
    state, model = PairState(), Model()
    for step in history:
        before = model.seen()
        if not model.do(*step):
            with pytest.raises(Blocked):
                decide(step, state)
            continue
        event = decide(step, state)
        assert (event is None) is (model.seen() == before)
        state = event.after if event else state
        assert seen(state) == model.seen()


@given(steps)
def test_nobody_follows_across_a_block(history: list[Step]) -> None:
    follows, blocks, _ = seen(after(PairState(), history))

    assert not (follows and blocks)


@given(steps, st.sampled_from(list(CHANGES)))
def test_doing_it_twice_records_it_once(history: list[Step], fact: type[RelationshipFact]) -> None:
    state = after(PairState(), history)
    once = after(state, [(fact, LOW, HIGH)])

    assert after(once, [(fact, LOW, HIGH)]) == once


@given(steps)
def test_the_newest_event_alone_tells_how_two_stand(history: list[Step]) -> None:
    events = []
    state = PairState()
    for step in history:
        try:
            event = decide(step, state)
        except Blocked:
            continue
        if event is not None:
            events.append(event)
            state = event.after

    assert state == (events[-1].after if events else PairState())
    assert all(event.stream == relationships.stream_of(HIGH, LOW) for event in events)


@pytest.mark.parametrize("fact", list(CHANGES))
def test_nobody_does_it_to_themselves(fact: type[RelationshipFact]) -> None:
    with pytest.raises(Invalid):
        decide((fact, LOW, LOW), PairState())


def test_every_relationship_changes_something() -> None:
    assert set(CHANGES) == {
        AccountFollowed,
        AccountUnfollowed,
        AccountBlocked,
        AccountUnblocked,
        AccountMuted,
        AccountUnmuted,
    }
