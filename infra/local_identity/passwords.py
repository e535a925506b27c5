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
from infra.local_identity.store import IdentityStore

T = TypeVar("T")

NOBODY: Final = AccountId(0)  # so that an unknown account is asked for as much as a known one


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

    def __init__(self, store: IdentityStore, *, cost: Cost, threads: int, waiting_max: int) -> None:
        self._store = store
        self._hasher = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._places = threading.BoundedSemaphore(waiting_max)
        # Checked for accounts that are not there, so that they take as long as others.
        self._nobodys = self._hasher.hash(secrets.token_hex())

    async def keep(self, account_id: AccountId, password: str) -> None:
        """Durably. Raises Unavailable."""
        await self._store.keep_password(account_id, await self.hashed(password))

    async def hashed(self, password: str) -> str:
        """The hash to keep of a password. Raises Unavailable."""
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def check(self, account_id: AccountId | None, password: str) -> str | None:
        """The hash that is kept of the account's password if this is it; what is done on its
        strength must not be done if another hash is kept by then. As slow for an account without
        one, and for nobody. Raises Unavailable."""
        kept = await self._store.password(account_id or NOBODY)
        verdict = await self._run(lambda: self._verify(kept or self._nobodys, password))
        if account_id is None or kept is None or not verdict.matches:
            return None
        if verdict.stronger is None:
            return kept
        replaced = await self._store.replace_password(account_id, kept, verdict.stronger)
        return verdict.stronger if replaced else None

    async def drop(self, account_id: AccountId) -> None:
        """Nobody can sign in to the account any more."""
        await self._store.drop_password(account_id)

    def close(self) -> None:
        """Finish the hashes that run."""
        self._pool.shutdown(cancel_futures=True)

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
