"""Accounts for the people in the files."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from commands.mentions import account_of
from commands.open_account import OpenAccount, open_account
from commands.ports import Ports
from domain import accounts
from domain.accounts import DISPLAY_NAME_CHARS_MAX
from domain.errors import Conflict, HandleTaken, Unavailable
from domain.events import AccountOpened, Recorded
from domain.ids import AccountId
from infra.importing import handles
from infra.importing.file_ids import ACCOUNT, FILE
from infra.importing.foreseen import ForeseenLog
from infra.importing.recording import apart, each, give, patiently
from infra.importing.run import Run

# How long an account is waited for that another process began to open.
LOOKS_MAX: Final = 600
LOOK_EVERY_S: Final = 0.25
_NOTHING_KNOWN: Final[Mapping[str, int]] = {}


class _Newcomer(NamedTuple):
    key: str
    account_id: AccountId

    @property
    def file_id(self) -> str:
        return self.key.partition("/")[2]


def key_of(user: str) -> str:
    """Under which a person is kept in the mapping."""
    return f"{ACCOUNT}/{user}"


def key_of_file(name: str) -> str:
    """Under which the account is kept that has a file's posts without an author."""
    return f"{FILE}/{name}"


class People:
    """Opens the accounts that are missing; nobody can sign in until a password is set.

    `first_posts` says when a person (by key) posted first, in Unix milliseconds: their account
    is dated then, or else now.
    """

    def __init__(self, run: Run, first_posts: Mapping[str, int] = _NOTHING_KNOWN) -> None:
        self._run = run
        self._first_posts = first_posts

    async def ensure(self, keys: Iterable[str]) -> None:
        """Have an account for each of these people. Raises Unavailable, Conflict."""
        ids = self._run.ids
        missing = [key for key in dict.fromkeys(keys) if ids.person(key) is None]
        if not missing:
            return
        begun = await self._begun(missing)
        fresh = [key for key in missing if key not in begun and ids.person(key) is None]
        planned = await self._new_ids(fresh)
        await ids.plan_people(planned)
        newcomers = [_Newcomer(*one) for one in (begun | planned).items()]
        await apart(self._run.outside.keys.ensure, [one.account_id for one in newcomers])
        foreseen = await self._foreseen(newcomers)
        for refusal in await each(partial(self._open, foreseen), newcomers):
            if refusal is not None:
                raise refusal
        await ids.note()

    async def _begun(self, keys: Iterable[str]) -> dict[str, AccountId]:
        """The accounts that an import planned and did not open; those that it did open, before it
        was killed, are known from now on."""
        ids, log = self._run.ids, self._run.outside.ports.log
        begun: dict[str, AccountId] = {}
        for key in keys:
            account_id = ids.left_person(key)
            if account_id is None:
                continue
            history = await patiently(partial(log.history, accounts.stream_of(account_id)))
            if not history:
                begun[key] = account_id
            elif _source(history[0]) == ids.source_of(key):
                ids.keep_person(key, account_id)
        return begun

    async def _new_ids(self, keys: Sequence[str]) -> dict[str, AccountId]:
        now_ms = self._run.now_ms
        dated = [key for key in keys if self._first_posts.get(key, now_ms) < now_ms]
        moments = [self._first_posts[key] for key in dated]
        taken = await apart(self._run.backdated.take, moments)
        backdated = dict(zip(dated, taken, strict=True))
        stamps = self._run.outside.ports.stamps
        return {key: AccountId(backdated.get(key) or stamps.event_id()) for key in keys}

    async def _foreseen(self, newcomers: Sequence[_Newcomer]) -> Ports:
        """Most handles were never claimed: that is asked for all of them at once."""
        ports = self._run.outside.ports
        streams = [_handle_stream(next(self._handles(one)), ports) for one in newcomers]
        existing = await apart(self._run.outside.index.existing, streams)
        new = (stream for stream in streams if stream not in existing)
        return replace(ports, log=ForeseenLog(ports.log, new=new))

    async def _open(self, ports: Ports, newcomer: _Newcomer) -> None:
        ids, account_id = self._run.ids, newcomer.account_id
        receipt = ids.receipt_of_person(newcomer.key, account_id)
        for handle in self._handles(newcomer):
            command = OpenAccount(
                handle=handle,
                display_name=_display_name(newcomer.file_id),
                account_id=account_id,
                source=ids.source_of(newcomer.key),
            )
            try:
                events = await give(open_account, command, ports, receipt)
            except HandleTaken:
                if not await self._is_theirs(handle, account_id):
                    continue
                events = 0
            ids.keep_person(newcomer.key, account_id)
            self._run.summary.accounts += 1
            self._run.summary.events += events
            return
        raise Conflict(f"No handle is left for {newcomer.file_id}")

    def _handles(self, newcomer: _Newcomer) -> Iterator[str]:
        return handles.candidates(self._run.ids.namespace, newcomer.file_id)

    async def _is_theirs(self, handle: str, account_id: AccountId) -> bool:
        """Whether an attempt that was given up had claimed it already, and the account is open:
        whoever finds what that attempt left finishes it."""
        ports = self._run.outside.ports
        if await patiently(partial(account_of, handle, ports)) != account_id:
            return False
        for _ in range(LOOKS_MAX):
            found = await patiently(partial(ports.log.latest, accounts.stream_of(account_id)))
            if found is not None:
                return True
            await asyncio.sleep(LOOK_EVERY_S)
        raise Unavailable(f"The account of {handle} was begun, and no relay opens it")


def _handle_stream(handle: str, ports: Ports) -> str:
    return accounts.handle_stream_of(ports.handles.key_of(handle))


def _source(recorded: Recorded) -> str | None:
    return recorded.event.source if isinstance(recorded.event, AccountOpened) else None


def _display_name(file_id: str) -> str:
    """The file's id where it can be one: it may say more than the handle made of it."""
    shown = file_id if file_id.isprintable() and not file_id.isdecimal() else ""
    return shown[:DISPLAY_NAME_CHARS_MAX]
