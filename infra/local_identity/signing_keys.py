"""Ed25519 keys that sign access tokens: kept over restarts, rotated, published as a JWKS."""

import json
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from domain.errors import Unavailable
from infra.local_identity.store import IdentityStore, KeptKey

ALGORITHM: Final = "EdDSA"
KEY_LIFETIME_S: Final = 30 * 24 * 3600


class SigningKey(NamedTuple):
    """`made_at`: from when on it signs; `retired_at`: when it stops. Its tokens are good until
    they expire."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    made_at: int
    retired_at: int | None


class SigningKeys:
    """The newest key signs; it and those whose tokens may still be in use verify.

    A new one begins to sign when every process that shares the store knows it.
    """

    def __init__(
        self, store: IdentityStore, *, clock: Callable[[], float], tokens_live_s: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._tokens_live_s = tokens_live_s
        self._keys: dict[str, SigningKey] = {}

    def new(self, *, in_s: int = 0) -> KeptKey:
        """A key that signs from then on; it is not kept yet."""
        private = Ed25519PrivateKey.generate().private_bytes_raw()
        return KeptKey(secrets.token_urlsafe(12), private, int(self._clock()) + in_s, None)

    def heard(self, keys: Iterable[KeptKey]) -> None:
        """These are all the keys there are."""
        known = self._keys
        self._keys = {key.kid: _signing_key(key, known.get(key.kid)) for key in keys}

    async def signing(self) -> SigningKey:
        """The key to sign with now; a new one if the last is old. Raises Unavailable."""
        if self._clock() - self._newest().made_at >= KEY_LIFETIME_S:
            await self.rotate()
        now = self._clock()
        begun = [key for key in self._keys.values() if key.made_at <= now]
        return max(begun or self._keys.values(), key=_age)

    def verifying(self, kid: str) -> SigningKey | None:
        """The key named `kid`, unless every token it signed has expired."""
        key = self._keys.get(kid)
        if key is None or (
            key.retired_at is not None and self._clock() >= key.retired_at + self._tokens_live_s
        ):
            return None
        return key

    async def rotate(self) -> None:
        """Sign with a new key as soon as every process knows it. Raises Unavailable."""
        key = self.new(in_s=self._store.key_notice_s)
        dead_before = int(self._clock()) - self._tokens_live_s
        replacing = self._newest().kid
        self.heard(await self._store.add_key(key, replacing=replacing, dead_before=dead_before))

    def jwks(self) -> dict[str, Any]:
        """The public keys that verify now (RFC 7517)."""
        live = [kid for kid in self._keys if self.verifying(kid) is not None]
        return {"keys": [_jwk(self._keys[kid]) for kid in live]}

    def _newest(self) -> SigningKey:
        if not self._keys:
            raise Unavailable("There is no signing key")
        return max(self._keys.values(), key=_age)


def _age(key: SigningKey) -> tuple[int, str]:
    return key.made_at, key.kid


def _signing_key(kept: KeptKey, known: SigningKey | None) -> SigningKey:
    if known is not None:
        return known._replace(retired_at=kept.retired_at)
    private = Ed25519PrivateKey.from_private_bytes(kept.private)
    return SigningKey(kept.kid, private, private.public_key(), kept.made_at, kept.retired_at)


def _jwk(key: SigningKey) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(OKPAlgorithm.to_jwk(key.public))
    return public | {"kid": key.kid, "use": "sig", "alg": ALGORITHM}
