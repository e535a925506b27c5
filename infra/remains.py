"""What a profile keeps of people beside its ports, and how that goes when one is erased."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.events import Recorded
from domain.ids import AccountId
from infra.importing.outside import Keys
from streams.envelope import Codec, Keyring
from streams.feed import Fed


class PersonKeys(Keys, Keyring, Protocol):
    """Everybody's keys."""

    def destroy(self, person_id: AccountId) -> None:
        """Erase the person: what was sealed can never be opened again. Blocks. Raises
        Unavailable."""


class Person(NamedTuple):
    """Somebody who is to be forgotten. `handle` is empty where their key is gone already;
    `source` is where an import has them from."""

    account_id: AccountId
    handle: str
    handle_key: str
    source: str | None


class Remains(Protocol):
    """Implemented by each profile. All raise Unavailable."""

    def log(self, codec: Codec) -> AsyncIterator[Sequence[Fed]]:
        """The whole log as it is now, in batches, each partition in its order."""

    async def purge(self, closed: Recorded) -> None:
        """Have every projection's stores take the closing of an account now, whatever else they
        have to take first: a closing absorbs, also what comes after it."""

    async def forget(self, person: Person) -> Mapping[str, int]:
        """Drop what is kept of somebody whose key is destroyed; what went, and how much."""
