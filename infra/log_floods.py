"""Clients of engines say the same thing hundreds of times a second while their engine is away."""

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Final

CLIENTS: Final = (
    "aiokafka",
    "cassandra",
    "elastic_transport",
    "neo4j",
    "psycopg",
    "redis",
    "starling.kafka",
)
TOLD_MAX: Final = 5
SPAN_S: Final = 10.0
KINDS_MAX: Final = 1_000
# Ports, times and counts differ in what is the same news.
_NUMBER: Final = re.compile(r"\d+")


class Floods(logging.Filter):
    """Of what a client says again and again the first few records of a span pass; the first one
    of the next span has in `left_out` how many did not. What others say passes. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        # Kind of record -> end of its span, how many came in it.
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be told."""
        if not record.name.startswith(CLIENTS):
            return True
        kind = record.name, _NUMBER.sub("#", record.getMessage())
        now = self._clock()
        with self._lock:
            until, came = self._kinds.get(kind, (now, 0))
            if now < until:
                self._kinds[kind] = until, came + 1
                return came < TOLD_MAX
            if len(self._kinds) > KINDS_MAX:
                self._kinds.clear()
            self._kinds[kind] = now + SPAN_S, 1
        if came > TOLD_MAX:
            record.left_out = came - TOLD_MAX
        return True
