"""How much one process takes on: beyond that it turns requests away, before it is slow for all.

What is counted are the requests that were read and are not answered yet, those included that the
event loop has not come to. Open streams have a bound of their own (`infra.live_hub.Bounds`).

Reads are turned away earlier: when there is a crowd and not one of them was answered quickly for a
while, more of them only make everybody wait for longer. That is how a queue that stands is told
from one that comes and goes (K. Nichols and V. Jacobson, "Controlling Queue Delay", 2012).
"""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Final, cast

from infra.joined_writes import JoinedHttp, Sending
from web.overload import TOO_MUCH

# At a millisecond each the last one waits for two seconds.
REQUESTS_MAX: Final = 2_000
# So many may always be under way.
CROWD: Final = 128
WAIT_S: Final = 2.0
INTERVAL_S: Final = 1.0


class ReadQueue:
    """Whether reads stand in a queue, by how long the quickest one of each interval took."""

    def __init__(self, *, crowd: int = CROWD, clock: Callable[[], float] = monotonic) -> None:
        self._crowd = crowd
        self._clock = clock
        self._since = clock()
        self._quickest = inf
        self._crowded = self._stands = False

    def begin(self, open_now: int) -> float | None:
        """A read has come, and so many requests are under way: when it began, or None where it is
        one too many."""
        now = self._clock()
        elapsed = now - self._since
        if elapsed >= INTERVAL_S:
            # Of a time in which nobody asked nothing is known.
            known = self._crowded and elapsed < 2 * INTERVAL_S
            self._stands = known and self._quickest > WAIT_S
            self._crowded = open_now >= self._crowd
            self._since, self._quickest = now, inf
        return None if self._stands and open_now >= self._crowd else now

    def end(self, began: float) -> None:
        """It was answered."""
        self._quickest = min(self._quickest, self._clock() - began)


def shedding(
    streams: Callable[[], int], *, requests_max: int = REQUESTS_MAX, queue: ReadQueue | None = None
) -> type[JoinedHttp]:
    """A protocol for uvicorn that marks requests beyond `requests_max`, and reads while they stand
    in a queue; `streams` tells how many of the open ones are streams."""
    reads = queue or ReadQueue()

    class Shedding(JoinedHttp):
        """Marks what is too much; the route that is asked decides (`web.app`)."""

        sending = Sending()
        _began: float | None = None

        def on_headers_complete(self) -> None:
            """Begin with a request whose head is read."""
            open_now = len(self.tasks)
            too_much = open_now >= requests_max and open_now - streams() >= requests_max
            if self.parser.get_method() == b"GET":
                self._began = reads.begin(open_now - streams())
                too_much = too_much or self._began is None
            else:
                self._began = None
            if too_much:
                self._began = None
                cast("dict[str, Any]", self.scope)[TOO_MUCH] = True
            super().on_headers_complete()

        def on_response_complete(self) -> None:
            """End with a request that is answered."""
            if self._began is not None:
                reads.end(self._began)
                self._began = None
            super().on_response_complete()

    return Shedding
