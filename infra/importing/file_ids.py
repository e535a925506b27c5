"""Which account or post of ours an id of a file is: kept for ever, with the events it came with.

A mapping is a receipt in the scope `import/<namespace>`: the idempotency store never forgets
those, and a second import repeats nothing. People are under blinded keys there: what a file calls
somebody is often their name, and must not outlive them.
"""

import re
from typing import Final

from commands.ports import Answer, Handles, Receipt
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


def blinded(namespace: str, key: str, handles: Handles) -> str:
    """A person's key, "kind/id", so that nobody can tell who it is."""
    kind, _, file_id = key.partition("/")
    # As hexadecimal digits: a handle is the same in any case, an id of a file is not.
    spelt = file_id.encode("utf-8", "surrogatepass").hex()
    return f"{kind}/{handles.key_of(f'import/{namespace}/{kind}/{spelt}')}"


def source_of(namespace: str, key: str, handles: Handles) -> str:
    """What the opening of an imported person's account says of where they came from."""
    return f"{namespace}:{blinded(namespace, key, handles)}"


class FileIds:
    """The ids of one namespace, as the log has them; people by kind and file id."""

    def __init__(self, namespace: str, index: ImportIndex, handles: Handles) -> None:
        self.namespace = namespace
        self._handles = handles
        self._scope = f"import/{namespace}"
        self._people: dict[str, AccountId] = {}
        self._blinded: dict[str, AccountId] = {}
        self.posts: dict[str, PostId] = {}
        for key, body in index.receipts(self._scope).items():
            kind, _, file_id = key.partition("/")
            if kind == POST:
                self.posts[file_id] = PostId(int(body))
            elif kind in {ACCOUNT, FILE}:
                self._blinded[key] = AccountId(int(body))

    def person(self, key: str) -> AccountId | None:
        """Whose account a key, "kind/id", is."""
        found = self._people.get(key)
        if found is None and self._blinded:
            found = self._blinded.get(blinded(self.namespace, key, self._handles))
            if found is not None:
                self._people[key] = found
        return found

    def keep_person(self, key: str, account_id: AccountId) -> None:
        """Remember an account that was opened just now."""
        self._people[key] = account_id

    def source_of(self, key: str) -> str:
        """See `source_of`."""
        return source_of(self.namespace, key, self._handles)

    def receipt_of_person(self, key: str, account_id: AccountId) -> Receipt:
        """What keeps the mapping of a person's key in the commit of its events."""
        return self.receipt(blinded(self.namespace, key, self._handles), account_id)

    def receipt(self, key: str, our_id: int) -> Receipt:
        """What keeps the mapping of a key, "kind/id", in the commit of its events."""
        return Receipt(self._scope, key, _FINGERPRINT, Answer(201, str(our_id).encode()))
