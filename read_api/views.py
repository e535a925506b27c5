"""Everything the read side may ask: the projections' stores, and what refuses at once."""

from collections.abc import Callable
from dataclasses import dataclass

from projections.stores import Stores
from read_api.ports import Refusals


@dataclass(slots=True, kw_only=True)
class Views(Stores):
    """The stores of the live generations. `now_ms` is the clock, in Unix milliseconds."""

    refusals: Refusals
    now_ms: Callable[[], int]
