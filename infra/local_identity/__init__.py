"""Identity of the embedded profile: passwords, sessions and signed tokens in `identity.db`.

Suggested reading: `provider.py`, then `access_tokens.py` and `sessions.py`.
"""

from infra.local_identity.provider import LocalIdentity

__all__ = ["LocalIdentity"]
