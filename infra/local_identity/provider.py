"""The embedded profile's identity provider and the verifier of its access tokens."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from commands.ports import EventLog, Refusals, Tokens
from domain import accounts
from domain.errors import NotSignedIn, Suspended, WrongCredentials
from domain.ids import AccountId
from infra.local_identity.access_tokens import LIFETIME_S, AccessTokens
from infra.local_identity.database import Database
from infra.local_identity.passwords import Cost, Passwords
from infra.local_identity.sessions import ReusedToken, Session, Sessions
from infra.local_identity.signing_keys import SigningKeys
from web.routing import Identity

# Hashing holds no interpreter lock: more threads than cores would only starve the event loop.
HASHING_THREADS: Final = min(4, os.cpu_count() or 1)
HASHES_WAITING_MAX: Final = 128
NAME: Final = "starling"
NOBODY: Final = AccountId(0)  # so that an unknown account is asked for as much as a known one


class LocalIdentity:
    """Implements `commands.ports.IdentityProvider` and `web.app.Authenticator`.

    `log` is asked for the roles of who signs in; `refusals` for suspended and closed accounts on
    every request. `clock` gives Unix seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        log: EventLog,
        refusals: Refusals,
        clock: Callable[[], float] = time.time,
        cost: Cost = Cost(),  # noqa: B008 - immutable
        hashing_threads: int = HASHING_THREADS,
        hashes_waiting_max: int = HASHES_WAITING_MAX,
        issuer: str = NAME,
        audience: str = NAME,
    ) -> None:
        self._log = log
        self._refusals = refusals
        self._database = Database(path)
        self._passwords = Passwords(
            self._database,
            cost=cost,
            threads=hashing_threads,
            waiting_max=hashes_waiting_max,
        )
        self._sessions = Sessions(self._database, clock=clock, tokens_live_s=LIFETIME_S)
        self._keys = SigningKeys(self._database, clock=clock, tokens_live_s=LIFETIME_S)
        self._tokens = AccessTokens(self._keys, issuer=issuer, audience=audience, clock=clock)

    def verify(self, token: str) -> Identity:
        """See `Authenticator.verify`."""
        identity = self._tokens.verify(token).identity
        if self._sessions.has_ended(identity.session_id):
            raise NotSignedIn("The session has ended")
        self._admit(identity.account_id)
        return identity

    async def enroll(self, account_id: AccountId, password: str) -> None:
        """See `IdentityProvider.enroll`."""
        await self._passwords.keep(account_id, password)

    async def set_password(
        self, account_id: AccountId, *, current: str, new: str, session_id: str
    ) -> None:
        """See `IdentityProvider.set_password`."""
        if not await self._passwords.check(account_id, current):
            raise WrongCredentials("The current password is wrong")
        await self._passwords.keep(account_id, new)
        self._sessions.end_all(account_id, but=session_id)

    async def reset_password(self, account_id: AccountId, new: str) -> None:
        """What an administrator does: no need of the current one. All sessions end.

        Raises Invalid, Unavailable.
        """
        accounts.check_password(new)
        await self._passwords.keep(account_id, new)
        self._sessions.end_all(account_id)

    async def sign_in(self, account_id: AccountId | None, password: str) -> Tokens:
        """See `IdentityProvider.sign_in`. Suspension is told only to who knows the password."""
        scopes = await self._scopes(account_id or NOBODY)
        matches = await self._passwords.check(account_id, password)
        # Nothing is awaited from here on, so a password that was changed opens no session.
        if account_id is None or not matches or self._refusals.closed(account_id):
            raise WrongCredentials
        self._admit(account_id)
        return self._tokens_of(self._sessions.open(account_id), scopes)

    async def refresh(self, refresh_token: str) -> Tokens:
        """See `IdentityProvider.refresh`. A suspended account's token is not used up."""
        try:
            account_id = self._sessions.owner(refresh_token)
            self._admit(account_id)
            scopes = await self._scopes(account_id)
            return self._tokens_of(self._sessions.rotate(refresh_token), scopes)
        except ReusedToken as reused:
            self._sessions.end(reused.session_id)
            raise NotSignedIn(reused.detail) from reused

    async def sign_out(self, session_id: str) -> None:
        """See `IdentityProvider.sign_out`."""
        self._sessions.end(session_id)

    async def forget(self, account_id: AccountId) -> None:
        """See `IdentityProvider.forget`."""
        self._passwords.drop(account_id)
        self._sessions.end_all(account_id)

    def rotate_signing_key(self) -> None:
        """Sign with a new key; tokens of the old one are good until they expire."""
        self._keys.rotate()

    def jwks(self) -> dict[str, Any]:
        """The keys that verify our access tokens, for other services (RFC 7517)."""
        return self._keys.jwks()

    def close(self) -> None:
        """Finish hashing, then close the file."""
        self._passwords.close()
        self._database.close()

    def _admit(self, account_id: AccountId) -> None:
        if self._refusals.closed(account_id):
            raise NotSignedIn("The account was closed")
        if self._refusals.suspended(account_id):
            raise Suspended

    async def _scopes(self, account_id: AccountId) -> frozenset[str]:
        return accounts.roles(await self._log.history(accounts.roles_of(account_id)))

    def _tokens_of(self, session: Session, scopes: frozenset[str]) -> Tokens:
        return Tokens(
            access_token=self._tokens.make(session.account_id, session.session_id, scopes),
            refresh_token=session.refresh_token,
            token_type="Bearer",
            expires_in=LIFETIME_S,
            account_id=str(session.account_id),
        )
