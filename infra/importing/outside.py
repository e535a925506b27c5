"""What an import needs beside the ports of the write side."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from commands.ports import Ports
from domain.ids import AccountId


class Keys(Protocol):
    """Makes the keys of many new people at once."""

    def ensure(self, person_ids: Iterable[AccountId]) -> None:
        """Make the keys that are missing, durably, in one commit. Raises Unavailable."""


class ImportIndex(Protocol):
    """What earlier imports left in the log, in bulk."""

    def receipts(self, scope: str) -> Mapping[str, bytes]:
        """Every key that was used in a scope, and the body of its answer."""

    def existing(self, streams: Collection[str]) -> frozenset[str]:
        """Those of the streams and registers that have events."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything an import uses; `folder` is where rejects go by default."""

    ports: Ports
    keys: Keys
    index: ImportIndex
    folder: Path
