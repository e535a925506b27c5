"""Passwords as argon2id hashes, worked on by a few threads and never on the event loop."""

import asyncio
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import Unavailable
from domain.ids import AccountId
from infra.local_identity.database import Database

T = TypeVar("T")

_PUT: Final = """
INSERT INTO passwords VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash
"""


class Cost(NamedTuple):
    """What one hash costs; the default is OWASP's recommendation (19 MiB, 2 passes)."""

    passes: int = 2
    memory_kib: int = 19 * 1024
    lanes: int = 1


class _Verdict(NamedTuple):
    """`stronger` is the password hashed at today's cost, if what was kept cost another."""

    matches: bool
    stronger: str | None = None


class Passwords:
    """Keeps and checks passwords. At most `waiting_max` hashes run or wait; more: Unavailable."""

    def __init__(self, database: Database, *, cost: Cost, threads: int, waiting_max: int) -> None:
        self._database = database
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._places = threading.BoundedSemaphore(waiting_max)
        # Checked for accounts that are not there, so that they take as long as others.
        self._nobodys = self._hasher.hash(secrets.token_hex())

    async def keep(self, account_id: AccountId, password: str) -> None:
        """Durably. Raises Unavailable."""
        hashed = await self._run(lambda: self._hasher.hash(_normal(password)))
        with self._database.write() as connection:
            connection.execute(_PUT, (account_id, hashed))

    async def check(self, account_id: AccountId | None, password: str) -> bool:
        """Whether it is the account's; as slow for an account without one, and for nobody."""
        kept = None if account_id is None else self._kept(account_id)
        verdict = await self._run(lambda: self._verify(kept or self._nobodys, password))
        if account_id is None or kept is None or not verdict.matches:
            return False
        if verdict.stronger is not None:
            return self._replace(account_id, kept, verdict.stronger)
        return self._kept(account_id) == kept  # it may have been changed while we hashed

    def drop(self, account_id: AccountId) -> None:
        """Nobody can sign in to the account any more."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM passwords WHERE account_id = ?", (account_id,))

    def close(self) -> None:
        """Finish the hashes that run."""
        self._pool.shutdown(cancel_futures=True)

    def _kept(self, account_id: AccountId) -> str | None:
        sql = "SELECT hash FROM passwords WHERE account_id = ?"
        with self._database.read() as connection:
            row = connection.execute(sql, (account_id,)).fetchone()
        return None if row is None else str(row[0])

    def _replace(self, account_id: AccountId, kept: str, stronger: str) -> bool:
        """Whether the password is still the one that was checked, now with today's cost."""
        sql = "UPDATE passwords SET hash = ? WHERE account_id = ? AND hash = ?"
        with self._database.write() as connection:
            return connection.execute(sql, (stronger, account_id, kept)).rowcount == 1

    def _verify(self, hashed: str, password: str) -> _Verdict:
        try:
            self._hasher.verify(hashed, _normal(password))
        except (VerificationError, InvalidHashError):
            return _Verdict(matches=False)
        if self._hasher.check_needs_rehash(hashed):
            return _Verdict(matches=True, stronger=self._hasher.hash(_normal(password)))
        return _Verdict(matches=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many passwords are being checked; try again in a moment")
        future = self._pool.submit(work)
        # When the work ends, not when the caller stops waiting: a client that hangs up must not
        # make room for another hash.
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    def _leave(self, _future: Future[T]) -> None:
        self._places.release()


def _normal(password: str) -> bytes:
    """The same bytes however the keyboard composed its accents."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
