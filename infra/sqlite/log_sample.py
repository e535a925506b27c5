"""Which kinds of events are where in the embedded log: told from a sample of its positions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from infra.sqlite.connections import connect

# To look at one takes some microseconds.
SAMPLED_MAX: Final = 10_000
_SAMPLE: Final = """
WITH RECURSIVE sampled(at) AS (
    SELECT 1 UNION ALL SELECT at + :step FROM sampled WHERE at + :step <= :head)
SELECT topic FROM sampled LEFT JOIN stored_events ON stored_events.rowid = at"""


class LogSample:
    """The types of events at every so many positions."""

    def __init__(self, types: Sequence[str], step: int) -> None:
        """The first is at position 1."""
        self._types = types
        self._step = step

    @classmethod
    def of(cls, path: Path, head: int) -> "LogSample":
        """Look through the log in a file, up to a position."""
        step = max(head // SAMPLED_MAX, 1)
        with closing(connect(path)) as log:
            rows = log.execute(_SAMPLE, {"step": step, "head": head})
            return cls([(name or "").rpartition(".v")[0] for (name,) in rows], step)

    def kinds(self, partition: int, after: int, until: int) -> Mapping[str, float]:
        """See `streams.costs.Kinds`."""
        del partition
        if until <= after or not self._types:
            return {}
        first = min((after + self._step - 1) // self._step, len(self._types) - 1)
        behind = max((until - 1) // self._step + 1, first + 1)
        found = Counter(self._types[first:behind])
        share = (until - after) / found.total()
        return {kind: number * share for kind, number in found.items()}
