"""Which account or post of ours an id of a file is: kept for ever, with the events it came with.

A mapping is a receipt in the scope `import/<namespace>`: the idempotency store never forgets
those, and a second import repeats nothing.
"""

import re
from typing import Final

from commands.ports import Answer, Receipt
from domain.ids import AccountId, PostId
from infra.importing.outside import ImportIndex

ACCOUNT: Final = "account"
FILE: Final = "file"  # the account of a file's posts that have no author
POST: Final = "post"
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FINGERPRINT: Final = b"import"


class BadNamespace(ValueError):
    """A namespace has 1 to 64 letters, digits, and . _ -"""

    def __init__(self, namespace: str) -> None:
        super().__init__(f"{namespace!r}: {self.__doc__}")


def check_namespace(namespace: str) -> str:
    """The namespace. Raises BadNamespace."""
    if not _NAMESPACE.fullmatch(namespace):
        raise BadNamespace(namespace)
    return namespace


class FileIds:
    """The ids of one namespace, as the log has them; `people` by kind and file id."""

    def __init__(self, namespace: str, index: ImportIndex) -> None:
        self.namespace = namespace
        self._scope = f"import/{namespace}"
        self.people: dict[str, AccountId] = {}
        self.posts: dict[str, PostId] = {}
        for key, body in index.receipts(self._scope).items():
            kind, _, file_id = key.partition("/")
            if kind == POST:
                self.posts[file_id] = PostId(int(body))
            elif kind in {ACCOUNT, FILE}:
                self.people[key] = AccountId(int(body))

    def receipt(self, key: str, our_id: int) -> Receipt:
        """What keeps the mapping of a key, "kind/id", in the commit of its events."""
        return Receipt(self._scope, key, _FINGERPRINT, Answer(201, str(our_id).encode()))
