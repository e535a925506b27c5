"""The embedded profile's data folder: one process at a time, and where each file is."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LOG_FILE: Final = "log.db"


class FolderInUse(Exception):
    """Another process serves this folder."""


def projection_file(folder: Path, name: str, version: int, generation: int) -> Path:
    """Where a data folder has the file of a projection's generation."""
    return folder / "projections" / f"{name}.v{version}.g{generation}.db"


def building_file(store: Path) -> Path:
    """What is locked while a process builds the generation that has its store there."""
    return store.with_name(f"{store.name}-building")


def remove_store(store: Path) -> None:
    """Remove the file of a generation, and what SQLite and a replay keep beside it."""
    for path in (store, *(store.with_name(store.name + end) for end in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)
    building_file(store).unlink(missing_ok=True)


class DataFolder:
    """Locks the folder for as long as it is open. Foreign files in it are left alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        (path / "projections").mkdir(exist_ok=True)
        self._lock = os.open(path / "starling.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise FolderInUse(f"{path} is in use by another process") from error

    def file(self, name: str) -> Path:
        """Where a file of the folder is."""
        return self.path / name

    def projection(self, name: str, version: int, generation: int = 1) -> Path:
        """Where the file of a projection's generation is."""
        return projection_file(self.path, name, version, generation)

    def close(self) -> None:
        """Let another process serve the folder."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
