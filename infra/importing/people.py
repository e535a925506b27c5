"""Accounts for the people in the files."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from commands.open_account import OpenAccount, open_account
from domain.accounts import DISPLAY_NAME_CHARS_MAX
from domain.errors import Conflict, HandleTaken
from domain.ids import AccountId
from infra.importing import handles
from infra.importing.file_ids import ACCOUNT, FILE
from infra.importing.recording import each, give
from infra.importing.run import Run

_NOTHING_KNOWN: Final[Mapping[str, int]] = {}


class _Newcomer(NamedTuple):
    key: str
    account_id: AccountId


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
        missing = [key for key in dict.fromkeys(keys) if self._run.ids.person(key) is None]
        if not missing:
            return
        newcomers = [
            _Newcomer(key, account_id)
            for key, account_id in zip(missing, self._new_ids(missing), strict=True)
        ]
        self._run.outside.keys.ensure(newcomer.account_id for newcomer in newcomers)
        for refusal in await each(self._open, newcomers):
            if refusal is not None:
                raise refusal

    def _new_ids(self, keys: Sequence[str]) -> list[AccountId]:
        now_ms = self._run.now_ms
        dated = [key for key in keys if self._first_posts.get(key, now_ms) < now_ms]
        moments = [self._first_posts[key] for key in dated]
        backdated = dict(zip(dated, self._run.backdated.take(moments), strict=True))
        stamps = self._run.outside.ports.stamps
        return [AccountId(backdated.get(key) or stamps.event_id()) for key in keys]

    async def _open(self, newcomer: _Newcomer) -> None:
        _, _, file_id = newcomer.key.partition("/")
        receipt = self._run.ids.receipt_of_person(newcomer.key, newcomer.account_id)
        for handle in handles.candidates(self._run.ids.namespace, file_id):
            command = OpenAccount(
                handle=handle,
                display_name=_display_name(file_id),
                account_id=newcomer.account_id,
                source=self._run.ids.source_of(newcomer.key),
            )
            try:
                events = await give(open_account, command, self._run.outside.ports, receipt)
            except HandleTaken:
                continue
            self._run.ids.keep_person(newcomer.key, newcomer.account_id)
            self._run.summary.accounts += 1
            self._run.summary.events += events
            return
        raise Conflict(f"No handle is left for {file_id}")


def _display_name(file_id: str) -> str:
    """The file's id where it can be one: it may say more than the handle made of it."""
    shown = file_id if file_id.isprintable() and not file_id.isdecimal() else ""
    return shown[:DISPLAY_NAME_CHARS_MAX]
