"""The identity provider of our own, and the verifier of its access tokens."""

import os
import time
from collections.abc import Callable
from typing import Any, Final

from commands.ports import EventLog, Refusals, Tokens
from domain import accounts
from domain.errors import NotSignedIn, Suspended, WrongCredentials
from domain.ids import AccountId
from infra.local_identity.access_tokens import LIFETIME_S, AccessTokens
from infra.local_identity.passwords import NOBODY, Cost, Passwords
from infra.local_identity.sessions import ReusedToken, Session, Sessions
from infra.local_identity.signing_keys import SigningKeys
from infra.local_identity.store import IdentityStore, News
from web.routing import Identity

# Hashing holds no interpreter lock: more threads than cores would only starve the event loop.
HASHING_THREADS: Final = min(4, os.cpu_count() or 1)
HASHES_WAITING_MAX: Final = 128
NAME: Final = "starling"


class LocalIdentity:
    """Implements `commands.ports.IdentityProvider` and `web.app.Authenticator`.

    `log` is asked for the roles of who signs in; `refusals` for suspended and closed accounts on
    every request. `clock` gives Unix seconds. What is done here counts here at once, and as soon
    as `IdentityStore.news` tells it in every other process with the same store.
    """

    def __init__(
        self,
        store: IdentityStore,
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
        self._store = store
        self._sessions = Sessions(store, clock=clock, tokens_live_s=LIFETIME_S)
        self._keys = SigningKeys(store, clock=clock, tokens_live_s=LIFETIME_S)
        self._hear(store.begin(self._keys.new(), int(clock()) - LIFETIME_S))
        self._passwords = Passwords(
            store,
            cost=cost,
            threads=hashing_threads,
            waiting_max=hashes_waiting_max,
        )
        self._tokens = AccessTokens(self._keys, issuer=issuer, audience=audience, clock=clock)

    def verify(self, token: str) -> Identity:
        """See `Authenticator.verify`."""
        news = self._store.news()
        if news is not None:
            self._hear(news)
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
        kept = await self._passwords.check(account_id, current)
        if kept is None:
            raise WrongCredentials("The current password is wrong")
        hashed = await self._passwords.hashed(new)
        await self._sessions.start_over(account_id, hashed, instead_of=kept, but=session_id)

    async def reset_password(self, account_id: AccountId, new: str) -> None:
        """What an administrator does: no need of the current one. All sessions end.

        Raises Invalid, Unavailable.
        """
        accounts.check_password(new)
        hashed = await self._passwords.hashed(new)
        await self._sessions.start_over(account_id, hashed, instead_of=None)

    async def sign_in(self, account_id: AccountId | None, password: str) -> Tokens:
        """See `IdentityProvider.sign_in`. Suspension is told only to who knows the password."""
        scopes = await self._scopes(account_id or NOBODY)
        kept = await self._passwords.check(account_id, password)
        if account_id is None or kept is None or self._refusals.closed(account_id):
            raise WrongCredentials
        self._admit(account_id)
        return await self._tokens_of(await self._sessions.open(account_id, kept), scopes)

    async def refresh(self, refresh_token: str) -> Tokens:
        """See `IdentityProvider.refresh`. A suspended account's token is not used up."""
        try:
            account_id = await self._sessions.owner(refresh_token)
            self._admit(account_id)
            scopes = await self._scopes(account_id)
            return await self._tokens_of(await self._sessions.rotate(refresh_token), scopes)
        except ReusedToken as reused:
            await self._sessions.end(reused.session_id)
            raise NotSignedIn(reused.detail) from reused

    async def sign_out(self, session_id: str) -> None:
        """See `IdentityProvider.sign_out`."""
        await self._sessions.end(session_id)

    async def forget(self, account_id: AccountId) -> None:
        """See `IdentityProvider.forget`."""
        await self._passwords.drop(account_id)
        await self._sessions.end_all(account_id)

    async def erase(self, account_id: AccountId) -> int:
        """Keep nothing of an account that is closed; how much there was. Raises Unavailable."""
        await self._sessions.end_all(account_id)
        return await self._store.erase(account_id)

    async def kept_of(self, account_id: AccountId) -> int:
        """How much is kept of an account. Raises Unavailable."""
        return await self._store.kept_of(account_id)

    async def rotate_signing_key(self) -> None:
        """Sign with a new key; tokens of the old one are good until they expire."""
        await self._keys.rotate()

    def jwks(self) -> dict[str, Any]:
        """The keys that verify our access tokens, for other services (RFC 7517)."""
        return self._keys.jwks()

    def close(self) -> None:
        """Finish hashing, then close the store."""
        self._passwords.close()
        self._store.close()

    def _hear(self, news: News) -> None:
        self._sessions.heard(news.ended)
        self._keys.heard(news.keys)

    def _admit(self, account_id: AccountId) -> None:
        if self._refusals.closed(account_id):
            raise NotSignedIn("The account was closed")
        if self._refusals.suspended(account_id):
            raise Suspended

    async def _scopes(self, account_id: AccountId) -> frozenset[str]:
        return accounts.roles(await self._log.history(accounts.roles_of(account_id)))

    async def _tokens_of(self, session: Session, scopes: frozenset[str]) -> Tokens:
        return Tokens(
            access_token=await self._tokens.make(session.account_id, session.session_id, scopes),
            refresh_token=session.refresh_token,
            token_type="Bearer",
            expires_in=LIFETIME_S,
            account_id=str(session.account_id),
        )
