"""A thread that looks again and again what other processes did."""

import threading
from collections.abc import Callable
from contextlib import suppress

from domain.errors import Unavailable


class Looking:
    """Calls `look` every `every_s` seconds from `start` on. An outage is no news: it goes on."""

    def __init__(self, name: str, look: Callable[[], None], *, every_s: float) -> None:
        self._look = look
        self._every_s = every_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._start = threading.Lock()

    def start(self) -> None:
        """Begin; a second time changes nothing."""
        with self._start:
            if self._thread.ident is None:
                self._thread.start()

    def close(self) -> None:
        """Look no more; a look that is under way ends first."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._every_s):
            with suppress(Unavailable):
                self._look()
