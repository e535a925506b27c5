"""Sessions and their refresh tokens. A token works once; a used one ends its whole session."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from domain.errors import NotSignedIn, WrongCredentials
from domain.ids import AccountId
from infra.local_identity.store import IdentityStore, KeptToken, NewSession, NewToken

REFRESH_LIFETIME_S: Final = 30 * 24 * 3600
REFRESH_TOKEN_BYTES: Final = 32


class Session(NamedTuple):
    """An open session and the refresh token that was just made for it."""

    session_id: str
    account_id: AccountId
    refresh_token: str


class Sessions:
    """Which sessions have ended is known in memory, for as long as their access tokens live."""

    def __init__(
        self, store: IdentityStore, *, clock: Callable[[], float], tokens_live_s: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._tokens_live_s = tokens_live_s
        self._ended: dict[str, int] = {}

    async def open(self, account_id: AccountId, password: str) -> Session:
        """A new session, durable, for who gave the password that has this hash.

        Raises WrongCredentials if it was changed meanwhile, Unavailable.
        """
        now = int(self._clock())
        await self._store.forget_expired(now - self._tokens_live_s)
        session_id = secrets.token_urlsafe(16)
        refresh_token, token = self._new_token(now)
        session = NewSession(session_id, account_id, now, token.expires_at)
        if not await self._store.open_session(session, token, password):
            raise WrongCredentials
        return Session(session_id, account_id, refresh_token)

    async def owner(self, refresh_token: str) -> AccountId:
        """Whose session the token would go on with. Raises NotSignedIn, also for a used one."""
        return (await self._check(refresh_token)).account_id

    async def rotate(self, refresh_token: str) -> Session:
        """Use the token up and make the next one. Raises NotSignedIn, Unavailable."""
        kept = await self._check(refresh_token)
        now = int(self._clock())
        next_token, token = self._new_token(now)
        if not await self._store.rotate_token(_hash(refresh_token), token, now):
            await self._check(refresh_token)
            raise NotSignedIn("The session has ended")
        return Session(kept.session_id, kept.account_id, next_token)

    async def end(self, session_id: str) -> None:
        """Durable, and known at once. Raises Unavailable."""
        now = int(self._clock())
        await self._store.end_session(session_id, now)
        self.heard({session_id: now})

    async def end_all(self, account_id: AccountId) -> None:
        """End every session of the account. Raises Unavailable."""
        now = int(self._clock())
        self._note(await self._store.end_sessions(account_id, now), now)

    async def start_over(
        self, account_id: AccountId, password: str, *, instead_of: str | None, but: str = ""
    ) -> None:
        """Keep the hash of a new password and end every session except `but`, in one step.

        Raises WrongCredentials if the hash that is kept is not `instead_of`, Unavailable.
        """
        now = int(self._clock())
        ended = await self._store.change_password(
            account_id, password, kept=instead_of, at=now, but=but
        )
        if ended is None:
            raise WrongCredentials("The password was changed meanwhile")
        self._note(ended, now)

    def has_ended(self, session_id: str) -> bool:
        """Whether the session's access tokens are to be refused."""
        return session_id in self._ended

    def heard(self, ended: Mapping[str, int]) -> None:
        """Remember that sessions have ended, and forget those whose tokens have expired since."""
        self._ended.update(ended)
        since = self._clock() - self._tokens_live_s
        if self._ended and next(iter(self._ended.values())) < since:
            self._ended = {s: at for s, at in self._ended.items() if at >= since}

    def _note(self, session_ids: Iterable[str], at: int) -> None:
        self.heard(dict.fromkeys(session_ids, at))

    async def _check(self, refresh_token: str) -> KeptToken:
        kept = await self._store.token(_hash(refresh_token))
        if kept is None:
            raise NotSignedIn("The refresh token is not valid")
        if kept.ended_at is not None or self._clock() >= kept.expires_at:
            raise NotSignedIn("The session has ended")
        if kept.used_at is not None:
            raise ReusedToken(kept.session_id)
        return kept

    def _new_token(self, now: int) -> tuple[str, NewToken]:
        token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
        return token, NewToken(_hash(token), now + REFRESH_LIFETIME_S)


class ReusedToken(NotSignedIn):
    """The token was used before: whoever has it, the session is no longer only its owner's."""

    def __init__(self, session_id: str) -> None:
        super().__init__("The refresh token was used before: the session has ended")
        self.session_id = session_id


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
