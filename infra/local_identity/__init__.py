"""Identity without an outside provider: passwords, sessions and signed tokens.

Suggested reading: `provider.py`, then `access_tokens.py`, `sessions.py`, and `store.py`: what is
kept, in SQLite (`infra.sqlite.identity`) or in PostgreSQL (`infra.postgresql.identity`).
"""

from infra.local_identity.provider import LocalIdentity

__all__ = ["LocalIdentity"]
