"""Where things stand in the log: a vector of positions, one for each partition or stream.

Keys are "topic/partition" ("log/0" in the embedded profile) or, while an appended event is not
published yet, "stream:NAME"; values are positions, or versions for streams. Vectors only grow.
"""

from collections.abc import Iterable, Mapping
from typing import Final

Vector = Mapping[str, int]

EMBEDDED_LOG: Final = "log/0"


def merge(vectors: Iterable[Vector]) -> dict[str, int]:
    """The least vector that has reached everything the given ones have reached."""
    merged: dict[str, int] = {}
    for vector in vectors:
        for name, position in vector.items():
            if position > merged.get(name, -1):
                merged[name] = position
    return merged
