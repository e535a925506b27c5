"""What every event has. The log outlives this code: names are stable and never re-used."""

from typing import ClassVar

import msgspec

from domain.ids import AccountId, EventId


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened. The time it happened at is in its id (`ids.time_of`).

    A class sets `TYPE` (stable name), `SCHEMA` (version of its fields), `TOPIC` (where it
    travels) and `APPENDED`: whether it must be refused on a conflict, so that its version is its
    stream's (contiguous from 1), or is published, so that its version is its event id.

    What concerns a person's words or name sits in one field, `personal`, which the log seals with
    that person's key; it is None once the person was erased.
    """

    TYPE: ClassVar[str]
    SCHEMA: ClassVar[int] = 1
    TOPIC: ClassVar[str]
    APPENDED: ClassVar[bool] = False

    event_id: EventId
    actor_id: AccountId

    @property
    def stream(self) -> str:
        """The stream (appended) or register (published) whose history this belongs to."""
        raise NotImplementedError

    @property
    def key(self) -> AccountId:
        """The account that orders it: events of one key share a partition."""
        return self.actor_id

    @property
    def person_id(self) -> AccountId:
        """Whose key seals `personal`."""
        return self.actor_id
