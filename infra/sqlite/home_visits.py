"""Readers whose homes should be kept ready, noted while they read and served on a thread.

Reading takes place on the server's event loop, which must not wait for who writes; and where
nothing is posted no batch comes whose transaction a rebuild could share. Hence a thread of its own.
"""

import threading
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from domain.ids import AccountId

# So many rebuilds share a transaction, for which a batch may have to wait: about half a millisecond
# for each, and 20 for somebody who follows 20,000.
TOGETHER_MAX: Final = 8


class Visits:
    """Hands noted readers to `serve`, a few at a time."""

    def __init__(self, serve: Callable[[Sequence[AccountId]], None]) -> None:
        self._serve = serve
        self._noted: dict[AccountId, None] = {}
        self._changed = threading.Condition()
        self._busy = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="home-rebuilds", daemon=True)
        self._thread.start()

    def note(self, reader_id: AccountId) -> None:
        """This reader reads now. Returns at once."""
        with self._changed:
            self._noted[reader_id] = None
            self._changed.notify_all()

    def wait(self) -> None:
        """Return when every reader noted before has been served."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not (self._noted or self._busy))

    def close(self) -> None:
        """Finish what is being served and forget the rest: they will read again."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while taken := self._take():
                self._serve(taken)
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _take(self) -> Sequence[AccountId]:
        """The next few readers; empty when closed."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or self._noted)
            if self._closed:
                return ()
            readers = list(islice(self._noted, TOGETHER_MAX))
            self._busy = True
            for reader in readers:
                del self._noted[reader]
            return readers
