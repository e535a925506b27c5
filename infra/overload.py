"""How much one process takes on: beyond that it turns requests away, before it is slow for all.

What is counted are the requests that were read and are not answered yet, those included that the
event loop has not come to. Open streams have a bound of their own (`infra.live_hub.Bounds`).
"""

from collections.abc import Callable
from typing import Any, Final, cast

from infra.joined_writes import JoinedHttp
from web.overload import TOO_MUCH

# At a millisecond each the last one waits for two seconds.
REQUESTS_MAX: Final = 2_000


def shedding(streams: Callable[[], int], *, requests_max: int = REQUESTS_MAX) -> type[JoinedHttp]:
    """A protocol for uvicorn that marks requests beyond `requests_max`; `streams` tells how many
    of the open ones are streams."""

    class Shedding(JoinedHttp):
        """Marks what is too much; the route that is asked decides (`web.app`)."""

        def on_headers_complete(self) -> None:
            """Begin with a request whose head is read."""
            open_now = len(self.tasks)
            if open_now >= requests_max and open_now - streams() >= requests_max:
                cast("dict[str, Any]", self.scope)[TOO_MUCH] = True
            super().on_headers_complete()

    return Shedding
