"""Ed25519 keys that sign access tokens: kept over restarts, rotated, published as a JWKS."""

import json
import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from infra.local_identity.database import Database

ALGORITHM: Final = "EdDSA"
KEY_LIFETIME_S: Final = 30 * 24 * 3600

_LIVE: Final = """
SELECT kid, private_key, made_at, retired_at FROM signing_keys
WHERE retired_at IS NULL OR retired_at > ? ORDER BY made_at, kid
"""


class SigningKey(NamedTuple):
    """`retired_at`: when it stopped signing; its tokens are good until they expire."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    made_at: int
    retired_at: int | None


class SigningKeys:
    """The newest key signs; it and those whose tokens may still be in use verify."""

    def __init__(
        self, database: Database, *, clock: Callable[[], float], tokens_live_s: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._tokens_live_s = tokens_live_s
        self._keys: dict[str, SigningKey] = {}
        self._load()

    def signing(self) -> SigningKey:
        """The key to sign with now; a new one if the last is old. Raises Unavailable."""
        current = self._current()
        if current is None or self._clock() - current.made_at >= KEY_LIFETIME_S:
            return self.rotate()
        return current

    def verifying(self, kid: str) -> SigningKey | None:
        """The key named `kid`, unless every token it signed has expired."""
        key = self._keys.get(kid)
        if key is None or (
            key.retired_at is not None and self._clock() >= key.retired_at + self._tokens_live_s
        ):
            return None
        return key

    def rotate(self) -> SigningKey:
        """Sign with a new key, this one, from now on. Raises Unavailable."""
        now = int(self._clock())
        kid = secrets.token_urlsafe(12)
        private = Ed25519PrivateKey.generate().private_bytes_raw()
        with self._database.write() as connection:
            dead = (now - self._tokens_live_s,)
            connection.execute("DELETE FROM signing_keys WHERE retired_at <= ?", dead)
            retire = "UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL"
            connection.execute(retire, (now,))
            insert = "INSERT INTO signing_keys VALUES (?, ?, ?, NULL)"
            connection.execute(insert, (kid, private, now))
        self._load()
        return self._keys[kid]

    def jwks(self) -> dict[str, Any]:
        """The public keys that verify now (RFC 7517)."""
        live = [kid for kid in self._keys if self.verifying(kid) is not None]
        return {"keys": [_jwk(self._keys[kid]) for kid in live]}

    def _current(self) -> SigningKey | None:
        live = [key for key in self._keys.values() if key.retired_at is None]
        return live[-1] if live else None

    def _load(self) -> None:
        since = int(self._clock()) - self._tokens_live_s
        with self._database.read() as connection:
            rows = connection.execute(_LIVE, (since,)).fetchall()
        keys = {}
        for kid, raw, made_at, retired_at in rows:
            private = Ed25519PrivateKey.from_private_bytes(raw)
            keys[kid] = SigningKey(kid, private, private.public_key(), made_at, retired_at)
        self._keys = keys


def _jwk(key: SigningKey) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(OKPAlgorithm.to_jwk(key.public))
    return public | {"kid": key.kid, "use": "sig", "alg": ALGORITHM}
