"""Which account or post of ours an id of a file is: kept for ever, with the events it came with.

A mapping is a receipt in the scope `import/<namespace>`: the idempotency store never forgets
those, and a second import repeats nothing. Where a receipt in each commit costs too much, mappings
are planned for many events at once (`Plans`). People are under blinded keys: what a file calls
somebody is often their name, and must not outlive them.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from commands.ports import Answer, Handles, Receipt
from domain.ids import AccountId, PostId
from infra.importing.outside import ImportIndex
from infra.importing.recording import apart

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
    """The ids of one namespace, as the log has them; people by kind and file id.

    Where they are planned, `plan` comes before the events and `note` after them; an import that
    was killed between leaves ids of which nobody knows whether there are events.
    """

    def __init__(self, namespace: str, index: ImportIndex, handles: Handles) -> None:
        """Read all of them. Blocks."""
        self.namespace = namespace
        self._handles = handles
        self._scope = f"import/{namespace}"
        self._people: dict[str, AccountId] = {}
        self._blinded: dict[str, AccountId] = {}
        self.posts: dict[str, PostId] = {}
        receipts = index.receipts(self._scope)
        for key, body in receipts.items():
            kind, _, file_id = key.partition("/")
            if kind == POST:
                self.posts[file_id] = PostId(int(body))
            elif kind in {ACCOUNT, FILE}:
                self._blinded[key] = AccountId(int(body))
        self._plans = index.plans
        planned = {} if self._plans is None else self._plans.planned(self._scope)
        self._left = {key: our_id for key, our_id in planned.items() if key not in receipts}
        self._recorded: dict[str, int] = {}

    @property
    def left(self) -> Collection[int]:
        """Ids that were planned and perhaps not recorded."""
        return self._left.values()

    def person(self, key: str) -> AccountId | None:
        """Whose account a key, "kind/id", is."""
        found = self._people.get(key)
        if found is None and self._blinded:
            found = self._blinded.get(self._blind(key))
            if found is not None:
                self._people[key] = found
        return found

    def left_person(self, key: str) -> AccountId | None:
        """The account that was planned for a key and perhaps opened."""
        found = self._left.get(self._blind(key)) if self._left else None
        return None if found is None else AccountId(found)

    def left_post(self, file_id: str) -> PostId | None:
        """The post that was planned for a file's id and perhaps posted."""
        found = self._left.get(f"{POST}/{file_id}")
        return None if found is None else PostId(found)

    def keep_person(self, key: str, account_id: AccountId) -> None:
        """Remember an account that is there by now."""
        self._people[key] = account_id
        self._keep(self._blind(key), account_id)

    def keep_post(self, file_id: str, post_id: PostId) -> None:
        """Remember a post that is there by now."""
        self.posts[file_id] = post_id
        self._keep(f"{POST}/{file_id}", post_id)

    async def plan_people(self, ids: Mapping[str, AccountId]) -> None:
        """Have people's keys mean these accounts. Raises Unavailable, Conflict."""
        await self._plan({self._blind(key): our_id for key, our_id in ids.items()})

    async def plan_posts(self, ids: Mapping[str, PostId]) -> None:
        """Have ids of the file mean these posts. Raises Unavailable, Conflict."""
        await self._plan({f"{POST}/{file_id}": our_id for file_id, our_id in ids.items()})

    async def note(self) -> None:
        """Note for the next import what is remembered since the last time. Raises Unavailable."""
        recorded, self._recorded = self._recorded, {}
        if self._plans is not None and recorded:
            await apart(self._plans.recorded, self._scope, recorded)

    def source_of(self, key: str) -> str:
        """See `source_of`."""
        return source_of(self.namespace, key, self._handles)

    def source_of_post(self, file_id: str) -> str:
        """What a post says of where it came from."""
        return f"{self.namespace}:{file_id}"

    def receipt_of_person(self, key: str, account_id: AccountId) -> Receipt | None:
        """What keeps the mapping of a person's key in the commit of its events, if that does."""
        return self._receipt(self._blind(key), account_id)

    def receipt_of_post(self, file_id: str, post_id: PostId) -> Receipt | None:
        """What keeps the mapping of a post in the commit of its event, if that does."""
        return self._receipt(f"{POST}/{file_id}", post_id)

    async def _plan(self, ids: Mapping[str, int]) -> None:
        plans = self._plans
        if plans is None or not ids:
            return
        old = {key: self._left[key] for key in ids if key in self._left}
        await apart(plans.plan, self._scope, {k: i for k, i in ids.items() if k not in old})
        if old:
            await apart(plans.plan_again, self._scope, {key: ids[key] for key in old}, old)

    def _keep(self, key: str, our_id: int) -> None:
        if self._plans is not None:
            self._recorded[key] = our_id

    def _blind(self, key: str) -> str:
        return blinded(self.namespace, key, self._handles)

    def _receipt(self, key: str, our_id: int) -> Receipt | None:
        if self._plans is not None:
            return None
        return Receipt(self._scope, key, _FINGERPRINT, Answer(201, str(our_id).encode()))
