"""Erases a person: closes the account, destroys the key, purges what is kept beside the log, and
asks everywhere what is left. Each step may be done again, so an erasure that was cut off is
finished by asking for it again.
"""

import asyncio
from typing import Final

from commands.erase_account import EraseAccount, erase_account
from commands.mentions import account_of
from commands.ports import Ports
from domain import accounts
from domain.errors import AccountNotFound, Unavailable
from domain.events import AccountClosed, AccountOpened, HandleReleased, Recorded
from domain.ids import AccountId, millis_of, rfc3339
from infra.control.requests import Erased
from infra.erasure_proof import Asked, Known, known_of, still_answered
from infra.erasure_trace import Trace
from infra.importing.recording import give
from infra.profiles.profile import Profile
from infra.remains import Person
from projections.projection import StoreUnavailable
from read_api.ports import DeadLetter
from streams.envelope import Codec
from streams.persons import OnlyTheirs

LETTERS_MAX: Final = 1_000


async def erase(asked: str, profile: Profile) -> Erased:
    """Forget a person, named by handle or account id; the report is of what is left.

    Raises AccountNotFound, Unavailable.
    """
    try:
        return await _Erasure(profile, await account_named(asked, profile.ports)).run()
    except StoreUnavailable as error:
        raise Unavailable(f"A store cannot be reached; erase again: {error}") from error


async def account_named(asked: str, ports: Ports) -> AccountId:
    """The account of a handle, also of its last holder who closed theirs, or the one that has the
    id. What has digits only is an id; with an @ it is a handle. Raises AccountNotFound."""
    handle = asked.removeprefix("@")
    if asked.isascii() and asked.isdigit():
        return AccountId(int(asked))
    account_id = await account_of(handle, ports)
    if account_id is None:
        stream = accounts.handle_stream_of(ports.handles.key_of(handle))
        latest = await ports.log.latest(stream)
        if latest is None or not isinstance(latest.event, HandleReleased):
            raise AccountNotFound(f"Nobody has the handle {asked}")
        account_id = latest.event.actor_id
    return account_id


class _Erasure:
    """One person's."""

    def __init__(self, profile: Profile, account_id: AccountId) -> None:
        self._profile = profile
        self._ports = profile.ports
        self._account_id = account_id

    async def run(self) -> Erased:
        """All of it."""
        person = await self._person()
        known = Known()
        if person.handle:
            known = await known_of(self._profile.views, self._account_id, person.handle)
        # First, because the arrival of an event wakes who does what was asked for about letters.
        await self._discard_letters()
        await give(erase_account, EraseAccount(account_id=self._account_id), self._ports)
        # The closing is durable from here on: nothing can come of the person that would need a key.
        await asyncio.to_thread(self._profile.keys.destroy, self._account_id)
        await self._profile.remains.purge(await self._closed())
        identity = await self._profile.identity.erase(self._account_id)
        removed = await self._profile.remains.forget(person)
        return await self._report(known, {**removed, "identity": identity})

    async def _person(self) -> Person:
        history = await self._ports.log.history(accounts.stream_of(self._account_id))
        state = accounts.fold(history)
        if state is None:
            raise AccountNotFound(f"There is no account {self._account_id}")
        opened = history[0].event
        source = opened.source if isinstance(opened, AccountOpened) else None
        return Person(self._account_id, state.profile.handle, state.handle_key, source)

    async def _closed(self) -> Recorded:
        history = await self._ports.log.history(accounts.stream_of(self._account_id))
        return next(one for one in history if isinstance(one.event, AccountClosed))

    async def _discard_letters(self) -> None:
        """What is parked under the person's key is not wanted any more, and what it says why may
        quote them. Who owns the partition drops it."""
        for one in await self._letters():
            if one.requested is None:
                place = (one.projection, one.partition, one.position)
                await self._profile.dead_letters.request(*place, "discard")

    async def _letters(self) -> list[DeadLetter]:
        parked = await self._profile.dead_letters.parked(None, LETTERS_MAX)
        return [one for one in parked if one.key == self._account_id]

    async def _report(self, known: Known, removed: dict[str, int]) -> Erased:
        keyring = OnlyTheirs(self._profile.keys, self._account_id)
        trace = Trace(self._account_id)
        async for batch in self._profile.remains.log(Codec(keyring)):
            for fed in batch:
                if isinstance(fed, Recorded):
                    trace.take(fed)
        now_ms = round(self._ports.stamps.now().timestamp() * 1000)
        asked = Asked(self._profile.views, trace, known, now_ms)
        left = {
            **await still_answered(asked),
            "identity": await self._profile.identity.kept_of(self._account_id),
            "dead_letters": len(await self._letters()),
        }
        erased = await self._ports.log.latest(accounts.erasure_of(self._account_id))
        return Erased(
            account_id=str(self._account_id),
            erased_at="" if erased is None else rfc3339(millis_of(erased.event.event_id)),
            events=trace.events,
            unreadable=keyring.unreadable,
            readable=keyring.readable,
            left=left,
            removed=removed,
            digest=trace.digest,
        )
