"""The topics that events travel on, and how their partitions are numbered.

A projection keeps one checkpoint for each partition of each topic. So that checkpoints stay
`partition -> position`, a partition of a topic is one number in all: the embedded log is 0 and
nothing else, the partitions of topics begin at 1,000.
"""

from typing import Final, NamedTuple

from domain.positions import EMBEDDED_LOG

TOPICS: Final = ("new_tweet", "new_reply", "new_follow", "analytics_events", "user_events")

_FIRST: Final = 1_000


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    @property
    def number(self) -> int:
        """The same as one number."""
        return _FIRST * (1 + TOPICS.index(self.topic)) + self.partition

    @property
    def name(self) -> str:
        """As it stands in a vector (`domain.positions`)."""
        return f"{self.topic}/{self.partition}"


def place_of(number: int) -> Place:
    """The partition that has the number. Raises ValueError for the embedded log."""
    topic, partition = divmod(number, _FIRST)
    if not 1 <= topic <= len(TOPICS):
        raise ValueError(f"{number} is no partition of a topic")
    return Place(TOPICS[topic - 1], partition)


def name_of(number: int) -> str:
    """How a vector names the partition that has the number."""
    return place_of(number).name if number else EMBEDDED_LOG


def place_named(name: str) -> Place | None:
    """The partition that a vector names so; None for the embedded log, streams and nonsense."""
    topic, slash, partition = name.rpartition("/")
    if not slash or topic not in TOPICS or not (partition.isascii() and partition.isdigit()):
        return None
    return Place(topic, int(partition)) if int(partition) < _FIRST else None
