"""Access tokens: short-lived JWTs (RFC 9068) that are verified without asking anybody."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import jwt

from domain.errors import NotSignedIn
from domain.ids import AccountId
from infra.local_identity.signing_keys import ALGORITHM, SigningKeys
from web.routing import Identity

LIFETIME_S: Final = 900
TOKEN_CHARS_MAX: Final = 2_048
CACHED_MAX: Final = 100_000
_TYPE: Final = "at+jwt"
_CLAIMS: Final = ["iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti"]
# Expiry is checked with our own clock, on every use, also of a cached token.
_OPTIONS: Final[Any] = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False}


class Verified(NamedTuple):
    """What a token of ours says."""

    identity: Identity
    expires_at: int


class AccessTokens:
    """Makes tokens and verifies them; what was verified once is remembered until it expires.

    Whether the session still stands is not known here: the caller asks each time.
    """

    def __init__(
        self,
        keys: SigningKeys,
        *,
        issuer: str,
        audience: str,
        clock: Callable[[], float],
        cached_max: int = CACHED_MAX,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._cached_max = cached_max
        self._verified: OrderedDict[str, Verified] = OrderedDict()

    async def make(self, account_id: AccountId, session_id: str, scopes: Iterable[str]) -> str:
        """A token for the session. Raises Unavailable."""
        key = await self._keys.signing()
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(account_id),
            "sid": session_id,
            "scope": " ".join(sorted(scopes)),
            "iat": now,
            "exp": now + LIFETIME_S,
            "jti": secrets.token_urlsafe(12),
        }
        headers = {"kid": key.kid, "typ": _TYPE}
        return jwt.encode(claims, key.private, ALGORITHM, headers)

    def verify(self, token: str) -> Verified:
        """What the token says. Raises NotSignedIn: not ours, not meant for us, or expired."""
        verified = self._verified.get(token)
        if verified is None:
            verified = self._read(token)
            self._verified[token] = verified
            if len(self._verified) > self._cached_max:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
        if self._clock() >= verified.expires_at:
            self._verified.pop(token, None)
            raise NotSignedIn("The access token has expired")
        return verified

    def _read(self, token: str) -> Verified:
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            raise NotSignedIn
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.verifying(str(header.get("kid")))
            if key is None or header.get("typ") != _TYPE:
                raise NotSignedIn
            claims = jwt.decode(
                token,
                key.public,
                [ALGORITHM],
                _OPTIONS,
                audience=self._audience,
                issuer=self._issuer,
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:  # the last: deep JSON
            raise NotSignedIn from error
        scopes = frozenset(str(claims["scope"]).split())
        identity = Identity(AccountId(int(claims["sub"])), str(claims["sid"]), scopes)
        return Verified(identity, int(claims["exp"]))
