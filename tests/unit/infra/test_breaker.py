"""A breaker lets an engine rest that does not answer, and finds out when it does again."""

import asyncio
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import Unavailable
from infra.breaker import Breaker, Limits
from projections.projection import StoreUnavailable
from tests.clock import Clock

LIMITS: Final = Limits(outages=3, pause_s=1.0, waiting=4, silence_s=2.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("Redis", limits=LIMITS, clock=clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with suppress(StoreUnavailable), breaker.passing():
            raise StoreUnavailable("no answer")


def succeed(breaker: Breaker) -> None:
    with breaker.passing():
        pass


def test_after_some_outages_in_a_row_nobody_asks_any_more(breaker: Breaker) -> None:
    fail(breaker, LIMITS.outages)

    with pytest.raises(StoreUnavailable, match="Redis"):
        succeed(breaker)

    assert (breaker.state, breaker.outages, breaker.refused) == ("open", LIMITS.outages, 1)


def test_it_says_why_also_where_the_error_has_no_words(
    breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(LIMITS.outages):
        with suppress(StoreUnavailable), breaker.passing():
            raise StoreUnavailable

    said = [one.getMessage() for one in caplog.records if one.name == "starling"]
    assert said == ["Redis is not asked for a while: StoreUnavailable()"]


def test_an_answer_between_outages_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, LIMITS.outages - 1)
    succeed(breaker)
    fail(breaker, LIMITS.outages - 1)

    assert breaker.state == "closed"


def test_a_bug_is_an_answer(breaker: Breaker) -> None:
    fail(breaker, LIMITS.outages - 1)
    with pytest.raises(ValueError, match="a bug"), breaker.passing():
        raise ValueError("a bug")
    fail(breaker, LIMITS.outages - 1)

    assert breaker.state == "closed"


def test_after_the_pause_one_call_tries_it_for_all(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, LIMITS.outages)
    clock.now += LIMITS.pause_s

    with breaker.passing():
        seen = breaker.state
        with pytest.raises(StoreUnavailable):
            succeed(breaker)

    assert [seen, breaker.state] == ["probing", "closed"]


def test_if_that_fails_everybody_waits_for_another_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, LIMITS.outages)
    clock.now += LIMITS.pause_s
    fail(breaker)

    with pytest.raises(StoreUnavailable):
        succeed(breaker)
    clock.now += LIMITS.pause_s
    succeed(breaker)

    assert breaker.state == "closed"


def test_it_tells_that_the_pause_is_over(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, LIMITS.outages)
    clock.now += LIMITS.pause_s

    assert breaker.state == "probing"


async def test_a_try_that_is_given_up_leaves_it_to_the_next_call(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker, LIMITS.outages)
    clock.now += LIMITS.pause_s

    async def wait() -> None:
        with breaker.passing():
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    succeed(breaker)

    assert breaker.state == "closed"


def test_an_engine_that_hangs_is_found_before_the_first_time_out(
    breaker: Breaker, clock: Clock
) -> None:
    calls = [breaker.passing() for _ in range(LIMITS.waiting)]
    for call in calls:
        call.__enter__()
    clock.now += LIMITS.silence_s + 0.1

    with pytest.raises(StoreUnavailable):
        succeed(breaker)
    calls[0].__exit__(None, None, None)

    assert breaker.state == "closed"


def test_it_raises_what_its_engine_raises() -> None:
    breaker = Breaker("Kafka", outage=Unavailable, limits=LIMITS)
    for _ in range(LIMITS.outages):
        with suppress(Unavailable), breaker.passing():
            raise Unavailable

    with pytest.raises(Unavailable, match="Kafka"), breaker.passing():
        pass


class BreakerMachine(RuleBasedStateMachine):
    """Calls begin and end in any order while the engine comes and goes."""

    @initialize()
    def make(self) -> None:
        self.clock = Clock()
        self.breaker = Breaker("Redis", limits=LIMITS, clock=self.clock)
        self.calls: list[object] = []
        self.probe: object = None
        self.failures = 0
        self.refused_since: float | None = None

    @rule()
    def begin(self) -> None:
        before = self.breaker.state
        call = self.breaker.passing()
        try:
            call.__enter__()
        except StoreUnavailable:
            if self.refused_since is None:
                self.refused_since = self.clock.now
            assert self.breaker.state != "closed"
            # Nobody is refused for longer than a pause unless somebody is trying.
            waited = self.clock.now - self.refused_since
            assert self.probe is not None or waited < LIMITS.pause_s
            return
        self.calls.append(call)
        if before != "closed":
            assert self.probe is None, "two calls try it at once"
            self.probe = call

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), end=st.sampled_from(["answer", "bug", "outage", "give up"]))
    def end(self, data: st.DataObject, end: str) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        error = {
            "answer": None,
            "bug": ValueError("a bug"),
            "outage": StoreUnavailable("no answer"),
            "give up": asyncio.CancelledError(),
        }[end]
        if error is None:
            call.__exit__(None, None, None)  # type: ignore[attr-defined]
        else:
            with suppress(type(error)):
                call.__exit__(type(error), error, None)  # type: ignore[attr-defined]
        if end in {"answer", "bug"}:
            self.failures, self.refused_since = 0, None
            assert self.breaker.state == "closed"
        elif end == "outage":
            self.failures += 1
            if call is self.probe and self.breaker.state != "closed":
                self.refused_since = self.clock.now
        if call is self.probe:
            self.probe = None

    @rule(seconds=st.sampled_from([0.3, 1.0, 2.5]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def closed_unless_there_were_outages_or_silence(self) -> None:
        if not hasattr(self, "breaker"):
            return
        if self.failures >= LIMITS.outages:
            assert self.breaker.state != "closed"
        elif self.failures == 0 and len(self.calls) < LIMITS.waiting and self.clock.now == 0:
            assert self.breaker.state == "closed"


TestCallsInAnyOrder = BreakerMachine.TestCase
TestCallsInAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
