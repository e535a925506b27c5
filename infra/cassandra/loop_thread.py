"""For callers that block: an event loop on a thread of its own, with a session."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

from infra.cassandra.session import CassandraSession

T = TypeVar("T")
NAME: Final = "cassandra-blocking"


class LoopThread:
    """A session that is waited for."""

    def __init__(self, host: str, port: int, keyspace: str) -> None:
        """Connect. Raises StoreUnavailable."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=NAME, daemon=True)
        self._thread.start()
        try:
            self.session = self.wait(CassandraSession.connect(host, port, keyspace))
        except BaseException:
            self._stop()
            raise

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives that uses the session."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """Let the connections and the thread go."""
        self.wait(self.session.close())
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
