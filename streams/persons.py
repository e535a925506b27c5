"""What the log has of one person: their own events, and what was done about their account.

The log is in no order of persons, so all of it is read; of others nothing is unsealed.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from domain.errors import Unavailable
from domain.events import Event, PostHidden, PostRestored, Recorded
from domain.ids import AccountId, millis_of, rfc3339
from domain.topics import name_of
from streams.envelope import Erased, Keyring
from streams.feed import Fed


class OnlyTheirs:
    """Implements `Keyring` for a reader of one person's events: for everybody else it does as if
    they were erased. Counts what it was asked to open of this person's."""

    def __init__(self, keyring: Keyring, person_id: AccountId) -> None:
        self._keyring = keyring
        self._person_id = person_id
        self.readable = 0
        self.unreadable = 0

    def seal(self, person_id: AccountId, clear: bytes) -> bytes:
        """Raises Unavailable: it is for reading."""
        del person_id, clear
        raise Unavailable("Nothing is sealed here")

    def open(self, person_id: AccountId, sealed: bytes) -> bytes:
        """See `Keyring.open`."""
        if person_id != self._person_id:
            raise Erased
        try:
            clear = self._keyring.open(person_id, sealed)
        except Erased:
            self.unreadable += 1
            raise
        self.readable += 1
        return clear


class PersonsEvent(msgspec.Struct, frozen=True):
    """An event as it is exported: a line of JSON Lines."""

    partition: str
    position: int
    at: str
    type: str
    schema: int
    stream: str
    version: int
    event: Any


async def events_of(
    person_id: AccountId, log: AsyncIterator[Sequence[Fed]]
) -> AsyncIterator[Recorded]:
    """What is exported of the log, in its order. What cannot be decoded is nobody's."""
    async for batch in log:
        for fed in batch:
            if isinstance(fed, Recorded) and concerns(fed.event, person_id):
                yield fed


def concerns(event: Event, person_id: AccountId) -> bool:
    """Whether the person did it, or it was done about their account or their posts by who runs
    the installation. What others did to them (a follow, a like, a mention) is the others'."""
    if event.actor_id == person_id or getattr(event, "account_id", None) == person_id:
        return True
    return isinstance(event, PostHidden | PostRestored) and event.post_author_id == person_id


def exported(recorded: Recorded) -> PersonsEvent:
    """The line of an event."""
    event = recorded.event
    return PersonsEvent(
        partition=name_of(recorded.partition),
        position=recorded.position,
        at=rfc3339(millis_of(event.event_id)),
        type=event.TYPE,
        schema=event.SCHEMA,
        stream=event.stream,
        version=recorded.version,
        event=msgspec.to_builtins(event),
    )
