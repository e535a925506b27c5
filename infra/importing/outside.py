"""What an import needs beside the ports of the write side. All but those block."""

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


class Plans(Protocol):
    """Which ids keys of a scope are going to mean: noted for many at once, before there are events
    of these ids, where a receipt with each one's events would cost more than the events."""

    def planned(self, scope: str) -> Mapping[str, int]:
        """Every key of a scope with its id, whether it was recorded or not. Raises Unavailable."""

    def plan(self, scope: str, ids: Mapping[str, int]) -> None:
        """Have keys mean these ids, durably. Raises Unavailable: try the same again; Conflict:
        somebody else planned one of them meanwhile."""

    def plan_again(self, scope: str, ids: Mapping[str, int], old: Mapping[str, int]) -> None:
        """As `plan`, for keys that meant `old` ids of which there never will be events."""

    def recorded(self, scope: str, ids: Mapping[str, int]) -> None:
        """Note that there are events of these: `receipts` tells it from now on. Raises
        Unavailable."""


class ImportIndex(Protocol):
    """What earlier imports left in the log, in bulk."""

    @property
    def plans(self) -> Plans | None:
        """None: receipts in the commits of the events keep what keys mean."""

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
