"""What local identity keeps, in PostgreSQL: shared by all processes that serve.

A thread of each process looks every `LOOK_S` for sessions that others ended and keys that others
made, so that a session that was revoked anywhere is refused everywhere within about a second,
while verifying asks nobody. A process that hears nothing for `TRUST_S` no longer verifies: it
might be the only one that does not know.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from domain.errors import Unavailable
from domain.ids import AccountId
from infra.local_identity.store import KeptKey, KeptToken, News, NewSession, NewToken
from infra.postgresql.blocking import BlockingDatabase
from infra.postgresql.database import Database, Row, checked
from infra.postgresql.looking import Looking
from infra.postgresql.migrations import SHARED
from projections.projection import StoreUnavailable

LOOK_S: Final = 0.5
TRUST_S: Final = 60.0
# How long a transaction may take after it noted the end of a session; it is given up before.
UNSEEN_S: Final = 30.0
KEY_NOTICE_S: Final = 5
FORGET_BATCH: Final = 100

_PASSWORD: Final = "SELECT hash FROM {ns}.passwords WHERE account_id = %s"
_KEEP_PASSWORD: Final = """INSERT INTO {ns}.passwords VALUES (%s, %s)
ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash"""
_REPLACE_PASSWORD: Final = """UPDATE {ns}.passwords SET hash = %s
WHERE account_id = %s AND hash = %s RETURNING account_id"""
_DROP_PASSWORD: Final = "DELETE FROM {ns}.passwords WHERE account_id = %s"
# The lock makes who changes the password wait, and then see this session.
_OPEN: Final = """WITH known AS (
    SELECT 1 FROM {ns}.passwords WHERE account_id = %s AND hash = %s FOR SHARE),
opened AS (
    INSERT INTO {ns}.sessions (session_id, account_id, opened_at, expires_at)
    SELECT %s, %s, %s, %s FROM known RETURNING session_id)
INSERT INTO {ns}.refresh_tokens SELECT %s, session_id, %s, NULL FROM opened RETURNING session_id"""
_TOKEN: Final = """SELECT t.session_id, s.account_id, t.expires_at, t.used_at, s.ended_at
FROM {ns}.refresh_tokens t JOIN {ns}.sessions s USING (session_id) WHERE t.hash = %s"""
_ROTATE: Final = """WITH used AS (
    UPDATE {ns}.refresh_tokens t SET used_at = %(at)s FROM {ns}.sessions s
    WHERE t.hash = %(used)s AND t.used_at IS NULL
    AND s.session_id = t.session_id AND s.ended_at IS NULL RETURNING t.session_id),
gone AS (
    DELETE FROM {ns}.refresh_tokens t USING used
    WHERE t.session_id = used.session_id AND t.expires_at <= %(at)s),
longer AS (
    UPDATE {ns}.sessions s SET expires_at = %(expires_at)s FROM used
    WHERE s.session_id = used.session_id)
INSERT INTO {ns}.refresh_tokens SELECT %(hashed)s, session_id, %(expires_at)s, NULL FROM used
RETURNING session_id"""
_END: Final = """UPDATE {ns}.sessions SET ended_at = %s, noted_at = now()
WHERE session_id = %s AND ended_at IS NULL"""
_END_SESSIONS: Final = """UPDATE {ns}.sessions SET ended_at = %s, noted_at = now()
WHERE account_id = %s AND ended_at IS NULL AND session_id <> %s RETURNING session_id"""
_ERASE: Final = """WITH ended AS (
    DELETE FROM {ns}.sessions WHERE account_id = %(account)s RETURNING session_id),
tokens AS (
    DELETE FROM {ns}.refresh_tokens t USING ended WHERE t.session_id = ended.session_id
    RETURNING 1),
password AS (DELETE FROM {ns}.passwords WHERE account_id = %(account)s RETURNING 1)
SELECT (SELECT count(*) FROM ended) + (SELECT count(*) FROM tokens)
    + (SELECT count(*) FROM password)"""
_KEPT_OF: Final = """SELECT
(SELECT count(*) FROM {ns}.passwords WHERE account_id = %(account)s)
+ (SELECT count(*) FROM {ns}.sessions WHERE account_id = %(account)s)
+ (SELECT count(*) FROM {ns}.refresh_tokens t JOIN {ns}.sessions s USING (session_id)
    WHERE s.account_id = %(account)s)"""
_FORGET: Final = """WITH gone AS (DELETE FROM {ns}.sessions WHERE session_id IN (
    SELECT session_id FROM {ns}.sessions WHERE expires_at <= %s LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING session_id)
DELETE FROM {ns}.refresh_tokens t USING gone WHERE t.session_id = gone.session_id"""
_ENDED_SINCE: Final = "SELECT session_id, ended_at FROM {ns}.sessions WHERE ended_at >= %s"
_NOTED_LATELY: Final = """SELECT session_id, ended_at FROM {ns}.sessions
WHERE noted_at > now() - make_interval(secs => %s)"""
_KEYS: Final = "SELECT kid, private_key, made_at, retired_at FROM {ns}.signing_keys ORDER BY number"
_FIRST_KEY: Final = """INSERT INTO {ns}.signing_keys SELECT %s, %s, %s, %s, 1
WHERE NOT EXISTS (SELECT 1 FROM {ns}.signing_keys) ON CONFLICT DO NOTHING"""
_ADD_KEY: Final = """WITH dead AS (
    DELETE FROM {ns}.signing_keys WHERE retired_at <= %(dead_before)s),
newest AS (SELECT kid, number FROM {ns}.signing_keys ORDER BY number DESC LIMIT 1),
added AS (
    INSERT INTO {ns}.signing_keys SELECT %(kid)s, %(private)s, %(made_at)s, NULL, number + 1
    FROM newest WHERE kid = %(replacing)s ON CONFLICT DO NOTHING RETURNING number)
UPDATE {ns}.signing_keys SET retired_at = %(made_at)s
WHERE kid = %(replacing)s AND EXISTS (SELECT 1 FROM added)"""


class PostgresqlIdentityStore:
    """Implements `infra.local_identity.store.IdentityStore`."""

    key_notice_s = KEY_NOTICE_S

    def __init__(self, database: Database, url: str, namespace: str = SHARED) -> None:
        self._database = database
        self._blocking = BlockingDatabase(url)
        self._namespace = checked(namespace)
        self._looked_at = 0.0
        self._lock = threading.Lock()
        self._told = News({}, ())
        self._news: News | None = None
        self._looking = Looking("identity news", self._look, every_s=LOOK_S)

    def begin(self, first: KeptKey, since: int) -> News:
        """See `IdentityStore.begin`."""
        started = time.monotonic()
        self._ask(_FIRST_KEY, *first)
        self._told = News(_ended(self._ask(_ENDED_SINCE, since)), _keys(self._ask(_KEYS)))
        self._looked_at = started
        self._looking.start()
        return self._told

    def news(self) -> News | None:
        """See `IdentityStore.news`."""
        if time.monotonic() - self._looked_at > TRUST_S:
            raise Unavailable("Which sessions have ended has not been heard for too long")
        if self._news is None:
            return None
        with self._lock:
            news, self._news = self._news, None
        return news

    async def password(self, account_id: AccountId) -> str | None:
        """See `IdentityStore.password`."""
        rows = await self._rows(_PASSWORD, account_id)
        return rows[0][0] if rows else None

    async def keep_password(self, account_id: AccountId, hashed: str) -> None:
        """See `IdentityStore.keep_password`."""
        await self._rows(_KEEP_PASSWORD, account_id, hashed)

    async def replace_password(self, account_id: AccountId, kept: str, hashed: str) -> bool:
        """See `IdentityStore.replace_password`."""
        return bool(await self._rows(_REPLACE_PASSWORD, hashed, account_id, kept))

    async def change_password(
        self, account_id: AccountId, hashed: str, *, kept: str | None, at: int, but: str
    ) -> Sequence[str] | None:
        """See `IdentityStore.change_password`."""
        with _told_as_unavailable():
            async with self._database.transaction() as transaction:
                if kept is None:
                    await transaction.execute(self._named(_KEEP_PASSWORD), (account_id, hashed))
                elif not await transaction.rows(
                    self._named(_REPLACE_PASSWORD), (hashed, account_id, kept)
                ):
                    return None
                # A statement of its own: it sees the sessions that the first one waited for.
                ended = self._named(_END_SESSIONS)
                return _ids(await transaction.rows(ended, (at, account_id, but)))

    async def drop_password(self, account_id: AccountId) -> None:
        """See `IdentityStore.drop_password`."""
        await self._rows(_DROP_PASSWORD, account_id)

    async def open_session(self, session: NewSession, token: NewToken, password: str) -> bool:
        """See `IdentityStore.open_session`."""
        return bool(await self._rows(_OPEN, session.account_id, password, *session, *token))

    async def token(self, hashed: bytes) -> KeptToken | None:
        """See `IdentityStore.token`."""
        rows = await self._rows(_TOKEN, hashed)
        return KeptToken(*rows[0]) if rows else None

    async def rotate_token(self, used: bytes, token: NewToken, at: int) -> bool:
        """See `IdentityStore.rotate_token`."""
        return bool(await self._rows(_ROTATE, used=used, at=at, **token._asdict()))

    async def end_session(self, session_id: str, at: int) -> None:
        """See `IdentityStore.end_session`."""
        await self._rows(_END, at, session_id)

    async def end_sessions(self, account_id: AccountId, at: int) -> Sequence[str]:
        """See `IdentityStore.end_sessions`."""
        return _ids(await self._rows(_END_SESSIONS, at, account_id, ""))

    async def erase(self, account_id: AccountId) -> int:
        """See `IdentityStore.erase`."""
        return int((await self._rows(_ERASE, account=account_id))[0][0])

    async def kept_of(self, account_id: AccountId) -> int:
        """See `IdentityStore.kept_of`."""
        return int((await self._rows(_KEPT_OF, account=account_id))[0][0])

    async def forget_expired(self, before: int) -> None:
        """See `IdentityStore.forget_expired`."""
        await self._rows(_FORGET, before, FORGET_BATCH)

    async def add_key(self, key: KeptKey, *, replacing: str, dead_before: int) -> Sequence[KeptKey]:
        """See `IdentityStore.add_key`."""
        await self._rows(_ADD_KEY, replacing=replacing, dead_before=dead_before, **key._asdict())
        return _keys(await self._rows(_KEYS))

    def close(self) -> None:
        """Look no more, and let the connection of its own go."""
        self._looking.close()
        self._blocking.close()

    def _look(self) -> None:
        started = time.monotonic()
        ended = self._ask(_NOTED_LATELY, started - self._looked_at + UNSEEN_S)
        found = News(_ended(ended), _keys(self._ask(_KEYS)))
        self._looked_at = started
        if found != self._told:
            with self._lock:
                waiting = self._news.ended if self._news else {}
                self._news = News({**waiting, **found.ended}, found.keys)
            self._told = found

    async def _rows(self, sql: str, *values: object, **named: object) -> list[Row]:
        with _told_as_unavailable():
            return await self._database.rows(self._named(sql), named or values)

    def _ask(self, sql: str, *values: object) -> list[Row]:
        return self._blocking.rows(self._named(sql), values)

    def _named(self, sql: str) -> str:
        return sql.replace("{ns}", self._namespace)


def _ended(rows: Sequence[Row]) -> Mapping[str, int]:
    return {session_id: ended_at for session_id, ended_at in rows}


def _keys(rows: Sequence[Row]) -> Sequence[KeptKey]:
    return [KeptKey(*row) for row in rows]


def _ids(rows: Sequence[Row]) -> list[str]:
    return [session_id for (session_id,) in rows]


@contextmanager
def _told_as_unavailable() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        raise Unavailable(f"Identity cannot be reached: {error}") from error
