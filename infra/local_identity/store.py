"""What local identity keeps, whatever keeps it: password hashes, sessions, signing keys.

Several processes may keep theirs in one place: whatever must not be done twice, or not be done to
what another process has changed meanwhile, is one call here.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.ids import AccountId


class NewSession(NamedTuple):
    """A session as it is opened; times in Unix seconds."""

    session_id: str
    account_id: AccountId
    opened_at: int
    expires_at: int


class NewToken(NamedTuple):
    """A refresh token that was just made; only its hash is kept."""

    hashed: bytes
    expires_at: int


class KeptToken(NamedTuple):
    """A refresh token and the session that it goes on with."""

    session_id: str
    account_id: AccountId
    expires_at: int
    used_at: int | None
    ended_at: int | None


class KeptKey(NamedTuple):
    """`made_at`: from when on it signs; `retired_at`: until when. Its tokens outlive that."""

    kid: str
    private: bytes
    made_at: int
    retired_at: int | None


class News(NamedTuple):
    """What verifying must know: sessions that have ended, by id, and when; all signing keys."""

    ended: Mapping[str, int]
    keys: Sequence[KeptKey]


class IdentityStore(Protocol):
    """Everything is durable when it returns. Every method may raise Unavailable."""

    @property
    def key_notice_s(self) -> int:
        """After so many seconds every process knows a new signing key."""

    def begin(self, first: KeptKey, since: int) -> News:
        """Keep the key if there is none yet; then all keys, and the sessions that ended from
        `since` on, Unix seconds. Blocks: for the start of a process."""

    def news(self) -> News | None:
        """What came since the last call, perhaps with what was told before; None if nothing did.
        Never waits: it is asked on the way of every request."""

    async def password(self, account_id: AccountId) -> str | None:
        """The hash of the account's password."""

    async def keep_password(self, account_id: AccountId, hashed: str) -> None:
        """Keep a hash, instead of any other."""

    async def replace_password(self, account_id: AccountId, kept: str, hashed: str) -> bool:
        """Keep a hash instead of `kept`. False: another is kept."""

    async def change_password(
        self, account_id: AccountId, hashed: str, *, kept: str | None, at: int, but: str
    ) -> Sequence[str] | None:
        """Keep a hash instead of `kept` (None: of any) and end every session except `but`; those
        that ended. None: another hash is kept."""

    async def drop_password(self, account_id: AccountId) -> None:
        """Keep none."""

    async def open_session(self, session: NewSession, token: NewToken, password: str) -> bool:
        """Keep both if `password` is the account's hash. A password that is changed at the same
        time either keeps the session from opening or ends it. False: another hash is kept."""

    async def token(self, hashed: bytes) -> KeptToken | None:
        """The token that has the hash."""

    async def rotate_token(self, used: bytes, token: NewToken, at: int) -> bool:
        """Use one up and keep the next, which lengthens the session; expired ones of the session
        are forgotten. False: it was used before, or its session has ended."""

    async def end_session(self, session_id: str, at: int) -> None:
        """End it, unless it has ended."""

    async def end_sessions(self, account_id: AccountId, at: int) -> Sequence[str]:
        """End all of the account; those that ended."""

    async def erase(self, account_id: AccountId) -> int:
        """Drop everything of the account: password, sessions, tokens; how many rows went. Only
        for one whose tokens are refused for another reason, as a closed account's are."""

    async def kept_of(self, account_id: AccountId) -> int:
        """How many rows there are of the account."""

    async def forget_expired(self, before: int) -> None:
        """Drop some of the sessions that expired before a moment, with their tokens."""

    async def add_key(self, key: KeptKey, *, replacing: str, dead_before: int) -> Sequence[KeptKey]:
        """Add a key and retire `replacing` when it begins, unless another process replaced that
        one already; forget those that retired before a moment. All keys there are then."""

    def close(self) -> None:
        """Let go of what is held open."""
