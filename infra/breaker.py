"""A circuit breaker: who needs an engine that does not answer is told so at once.

A call to a dead engine costs its caller a time-out, and its process a place for so long. After
some outages in a row, or when many calls wait and none is answered, the engine is not asked for a
while; then one call goes through and tells for all. Any answer closes the breaker, a refusal of
the engine's included.
"""

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, NamedTuple

from projections.projection import StoreUnavailable

State = Literal["closed", "probing", "open"]
# What to raise instead of an engine's own error; None where it is no outage.
OutageOf = Callable[[BaseException], Exception | None]

log = logging.getLogger("starling")


class Limits(NamedTuple):
    """It opens after so many outages in a row, for `pause_s`; or when `waiting` calls and more
    have been waiting and none of the engine's calls was answered for `silence_s`."""

    outages: int = 5
    pause_s: float = 1.0
    waiting: int = 32
    silence_s: float = 4.0


LIMITS: Final = Limits()


class Breaker:
    """The way of one process to one engine. Used on one event loop.

    `outage` is what a call raises where the engine does not answer, and what is raised instead of
    asking it. `outages` and `refused` count the calls that ended so, from the start.
    """

    def __init__(
        self,
        engine: str,
        *,
        outage: type[Exception] = StoreUnavailable,
        limits: Limits = LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.outages = 0
        self.refused = 0
        self._outage = outage
        self._limits = limits
        self._clock = clock
        self._in_a_row = 0
        self._closed = True
        self._open_until = 0.0
        self._probing = False
        self._waiting = 0
        self._heard_at = 0.0

    @property
    def state(self) -> State:
        """Whether calls go through: all; one, which tries it or will; none."""
        if self._closed:
            return "closed"
        resting = self._clock() < self._open_until
        return "probing" if self._probing or not resting else "open"

    def passing(self, outage_of: OutageOf | None = None) -> "Passing":
        """A call is what is done within, and a call in a call is none of its own. Raises the
        outage at once while the breaker is open, and what `outage_of` makes of an engine's own
        error, if that is one."""
        return Passing(self, outage_of)

    def _leave(self, error: BaseException | None, *, probe: bool) -> None:
        """End a call, that told something unless who waited for it gave up."""
        if isinstance(error, self._outage):
            self._failed(error, probe=probe)
        elif error is None or isinstance(error, Exception):
            self._answered()
        self._waiting -= 1
        if probe:
            # If nothing was learnt the next one tries it.
            self._probing = False

    def _enter(self) -> bool:
        """Begin a call; whether it is the one that tells for all."""
        now = self._clock()
        if self._closed and self._is_silent(now):
            self._open(now, f"no answer for {self._limits.silence_s:g} s")
        probe = not self._closed
        if probe:
            if self._probing or now < self._open_until:
                self.refused += 1
                raise self._outage(f"{self.engine} does not answer: it is not asked for a moment")
            self._probing = True
        if self._waiting == 0:
            self._heard_at = now
        self._waiting += 1
        return probe

    def _is_silent(self, now: float) -> bool:
        many = self._waiting >= self._limits.waiting
        return many and now - self._heard_at > self._limits.silence_s

    def _answered(self) -> None:
        self._in_a_row = 0
        self._heard_at = self._clock()
        if not self._closed:
            self._closed = True
            log.warning("%s answers again", self.engine)

    def _failed(self, error: Exception, *, probe: bool) -> None:
        """Calls that began before it opened and fail later say nothing new."""
        self.outages += 1
        self._in_a_row += 1
        if probe and not self._closed:
            self._open_until = self._clock() + self._limits.pause_s
        elif self._closed and self._in_a_row >= self._limits.outages:
            self._open(self._clock(), str(error) or repr(error))

    def _open(self, now: float, why: str) -> None:
        self._closed = False
        self._open_until = now + self._limits.pause_s
        log.warning("%s is not asked for a while: %s", self.engine, why)


class Passing:
    """One call."""

    __slots__ = ("_breaker", "_outage_of", "_probe")

    def __init__(self, breaker: Breaker, outage_of: OutageOf | None) -> None:
        self._breaker = breaker
        self._outage_of = outage_of
        self._probe = False

    def __enter__(self) -> None:
        self._probe = self._breaker._enter()  # noqa: SLF001 - the breaker's own

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        outage = None if error is None or self._outage_of is None else self._outage_of(error)
        came = error if outage is None else outage
        self._breaker._leave(came, probe=self._probe)  # noqa: SLF001 - the breaker's own
        if outage is not None:
            raise outage from error
