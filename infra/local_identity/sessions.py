"""Sessions and their refresh tokens. A token works once; a used one ends its whole session."""

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple

from domain.errors import NotSignedIn
from domain.ids import AccountId
from infra.local_identity.database import Database

REFRESH_LIFETIME_S: Final = 30 * 24 * 3600
REFRESH_TOKEN_BYTES: Final = 32
# How soon the end of a session that another process ended (the command line) is noticed.
NOTICE_S: Final = 1.0
FORGET_BATCH: Final = 100

_TOKEN: Final = """
SELECT t.session_id, t.expires_at, t.used_at, s.account_id, s.ended_at
FROM refresh_tokens t JOIN sessions s USING (session_id) WHERE t.hash = ?
"""
_END_SESSIONS: Final = """
UPDATE sessions SET ended_at = ? WHERE account_id = ? AND ended_at IS NULL AND session_id != ?
RETURNING session_id
"""
_END: Final = "UPDATE sessions SET ended_at = ? WHERE session_id = ? AND ended_at IS NULL"


class Session(NamedTuple):
    """An open session and the refresh token that was just made for it."""

    session_id: str
    account_id: AccountId
    refresh_token: str


class Sessions:
    """Which sessions have ended is known in memory, for as long as their access tokens live."""

    def __init__(
        self, database: Database, *, clock: Callable[[], float], tokens_live_s: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._tokens_live_s = tokens_live_s
        self._ended: dict[str, int] = {}
        self._seen = database.changed_by_others()
        self._look_at = 0.0
        self._load_ended()

    def open(self, account_id: AccountId) -> Session:
        """A new session, durable. Raises Unavailable."""
        now = int(self._clock())
        session_id = secrets.token_urlsafe(16)
        token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
        expires_at = now + REFRESH_LIFETIME_S
        with self._database.write() as connection:
            self._forget_expired(now)
            row = (session_id, account_id, now, expires_at)
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, NULL)", row)
            self._keep_token(token, session_id, expires_at)
        return Session(session_id, account_id, token)

    def owner(self, refresh_token: str) -> AccountId:
        """Whose session the token would go on with. Raises NotSignedIn, also for a used one."""
        return self._check(refresh_token)[1]

    def rotate(self, refresh_token: str) -> Session:
        """Use the token up and make the next one. Raises NotSignedIn, Unavailable."""
        now = int(self._clock())
        token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
        expires_at = now + REFRESH_LIFETIME_S
        with self._database.write() as connection:
            session_id, account_id = self._check(refresh_token)
            used = "UPDATE refresh_tokens SET used_at = ? WHERE hash = ?"
            connection.execute(used, (now, _hash(refresh_token)))
            old = "DELETE FROM refresh_tokens WHERE session_id = ? AND expires_at <= ?"
            connection.execute(old, (session_id, now))
            extend = "UPDATE sessions SET expires_at = ? WHERE session_id = ?"
            connection.execute(extend, (expires_at, session_id))
            self._keep_token(token, session_id, expires_at)
        return Session(session_id, account_id, token)

    def end(self, session_id: str) -> None:
        """Durable, and known at once. Raises Unavailable."""
        now = int(self._clock())
        with self._database.write() as connection:
            connection.execute(_END, (now, session_id))
        self._ended[session_id] = now

    def end_all(self, account_id: AccountId, *, but: str = "") -> None:
        """End every session of the account except `but`. Raises Unavailable."""
        now = int(self._clock())
        with self._database.write() as connection:
            ended = connection.execute(_END_SESSIONS, (now, account_id, but)).fetchall()
        for (session_id,) in ended:
            self._ended[session_id] = now

    def has_ended(self, session_id: str) -> bool:
        """Whether the session's access tokens are to be refused."""
        if time.monotonic() >= self._look_at:
            self._notice_others()
        return session_id in self._ended

    def _check(self, refresh_token: str) -> tuple[str, AccountId]:
        with self._database.read() as connection:
            row = connection.execute(_TOKEN, (_hash(refresh_token),)).fetchone()
        if row is None:
            raise NotSignedIn("The refresh token is not valid")
        session_id, expires_at, used_at, account_id, ended_at = row
        if ended_at is not None or self._clock() >= expires_at:
            raise NotSignedIn("The session has ended")
        if used_at is not None:
            raise ReusedToken(session_id)
        return session_id, AccountId(account_id)

    def _keep_token(self, token: str, session_id: str, expires_at: int) -> None:
        row = (_hash(token), session_id, expires_at)
        with self._database.read() as connection:
            connection.execute("INSERT INTO refresh_tokens VALUES (?, ?, ?, NULL)", row)

    def _forget_expired(self, now: int) -> None:
        """Drop a few sessions that nothing can go on with; used tokens go with their session."""
        sql = "SELECT session_id FROM sessions WHERE expires_at <= ? LIMIT ?"
        with self._database.read() as connection:
            gone = connection.execute(sql, (now - self._tokens_live_s, FORGET_BATCH)).fetchall()
            connection.executemany("DELETE FROM refresh_tokens WHERE session_id = ?", gone)
            connection.executemany("DELETE FROM sessions WHERE session_id = ?", gone)

    def _notice_others(self) -> None:
        self._look_at = time.monotonic() + NOTICE_S
        seen = self._database.changed_by_others()
        if seen != self._seen:
            self._seen = seen
            self._load_ended()
        since = self._clock() - self._tokens_live_s
        if self._ended and next(iter(self._ended.values())) < since:
            self._ended = {s: at for s, at in self._ended.items() if at >= since}

    def _load_ended(self) -> None:
        since = int(self._clock()) - self._tokens_live_s
        sql = "SELECT session_id, ended_at FROM sessions WHERE ended_at >= ? ORDER BY ended_at"
        with self._database.read() as connection:
            self._ended.update(connection.execute(sql, (since,)).fetchall())


class ReusedToken(NotSignedIn):
    """The token was used before: whoever has it, the session is no longer only its owner's."""

    def __init__(self, session_id: str) -> None:
        super().__init__("The refresh token was used before: the session has ended")
        self.session_id = session_id


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
