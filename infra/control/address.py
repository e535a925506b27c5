"""Where a folder's control socket is. A socket's path must be short; a folder's need not be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "control.sock"
# The least that systems allow is 104 bytes with the closing zero.
PATH_BYTES_MAX: Final = 103


@contextmanager
def address_of(folder: Path) -> Iterator[str]:
    """A path to bind or connect to, good while the context is open. Raises OSError."""
    direct = folder / SOCKET_NAME
    if len(os.fsencode(direct)) <= PATH_BYTES_MAX:
        yield str(direct)
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{opened}/{SOCKET_NAME}"
    finally:
        os.close(opened)
