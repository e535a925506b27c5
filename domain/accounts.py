"""Accounts: handles, profiles, and the life of an account (opened, edited, closed)."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from domain.errors import AccountNotFound, HandleTaken, Invalid
from domain.events import (
    AccountClosed,
    AccountOpened,
    HandleReleased,
    Profile,
    ProfileChanged,
    Recorded,
    RoleGranted,
)
from domain.ids import AccountId

HANDLE_CHARS_MAX: Final = 20
DISPLAY_NAME_CHARS_MAX: Final = 50
BIO_CHARS_MAX: Final = 160
PASSWORD_CHARS_MIN: Final = 8
PASSWORD_CHARS_MAX: Final = 1_024
ROLES: Final = frozenset({"admin"})

# Also in the API's document, which is why they are patterns and nothing cleverer.
HANDLE_PATTERN: Final = r"^[A-Za-z0-9_]{1,20}$"
DISPLAY_NAME_PATTERN: Final = r"^[^\u0000-\u001f\u007f]*$"
BIO_PATTERN: Final = r"^[^\u0000-\u0009\u000b-\u001f\u007f]*$"  # a bio may have lines

_HANDLE: Final = re.compile(HANDLE_PATTERN)
_DISPLAY_NAME: Final = re.compile(DISPLAY_NAME_PATTERN)
_BIO: Final = re.compile(BIO_PATTERN)


class AccountState(NamedTuple):
    """An account as a decision needs it; `version` is that of its stream."""

    account_id: AccountId
    profile: Profile
    handle_key: str
    closed: bool
    version: int


class Shown(NamedTuple):
    """An account's profile and the version of its stream."""

    profile: Profile
    version: int


def stream_of(account_id: AccountId) -> str:
    """The stream of an account's life and profile."""
    return f"account/{account_id}"


def handle_stream_of(handle_key: str) -> str:
    """The stream in which a handle is claimed and released."""
    return f"handle/{handle_key}"


def roles_of(account_id: AccountId) -> str:
    """The stream of the roles an account was given."""
    return f"roles/{account_id}"


def erasure_of(account_id: AccountId) -> str:
    """The stream that says whether the person was erased."""
    return f"erasure/{account_id}"


def fold(history: Iterable[Recorded]) -> AccountState | None:
    """The state after `history`, oldest first; None if the account was never opened."""
    state: AccountState | None = None
    for event, version in ((one.event, one.version) for one in history):
        if isinstance(event, AccountOpened):
            profile = event.personal or Profile("")
            state = AccountState(event.actor_id, profile, event.handle_key, False, version)
        elif state is not None and isinstance(event, ProfileChanged):
            profile = event.personal or Profile("")
            state = state._replace(profile=profile, version=version)
        elif state is not None and isinstance(event, AccountClosed):
            state = state._replace(closed=True, version=version)
    return state


def shown(latest: Recorded | None) -> Shown:
    """What the account shows now: its stream's latest event has the whole profile.

    Raises AccountNotFound.
    """
    if latest is None or not isinstance(latest.event, AccountOpened | ProfileChanged):
        raise AccountNotFound
    return Shown(latest.event.personal or Profile(""), latest.version)


def found(state: AccountState | None) -> AccountState:
    """The state, if the account is there. Raises AccountNotFound."""
    if state is None or state.closed:
        raise AccountNotFound
    return state


def roles(history: Iterable[Recorded]) -> frozenset[str]:
    """The roles that were granted and that this program knows."""
    granted = {one.event.role for one in history if isinstance(one.event, RoleGranted)}
    return ROLES & granted


def free_version(latest: Recorded | None) -> int:
    """The version at which a handle whose stream ends in `latest` may be claimed.

    Raises HandleTaken.
    """
    if latest is None:
        return 0
    if not isinstance(latest.event, HandleReleased):
        raise HandleTaken
    return latest.version


def opening_profile(handle: str, display_name: str = "", bio: str = "") -> Profile:
    """The first profile; a blank display name is the handle. Raises Invalid."""
    broken = _handle_faults(handle) + _profile_faults(display_name, bio)
    if broken:
        raise Invalid(*broken)
    return _shown(Profile(handle, display_name, bio))


def changed_profile(profile: Profile, *, display_name: str | None, bio: str | None) -> Profile:
    """The profile with what is not None replaced. Raises Invalid."""
    name = profile.display_name if display_name is None else display_name
    words = profile.bio if bio is None else bio
    broken = _profile_faults(name, words)
    if broken:
        raise Invalid(*broken)
    return _shown(Profile(profile.handle, name, words))


def check_password(password: str, pointer: str = "/password") -> None:
    """Raises Invalid for a password that is too short to protect or too long to hash."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        limits = f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX}"
        raise Invalid((pointer, f"A password has {limits} characters"))


def _shown(profile: Profile) -> Profile:
    name = profile.display_name if profile.display_name.strip() else profile.handle
    return Profile(profile.handle, name, profile.bio)


def _handle_faults(handle: str) -> list[tuple[str, str]]:
    if _HANDLE.fullmatch(handle):
        return []
    return [("/handle", f"A handle has 1 to {HANDLE_CHARS_MAX} letters a-z, digits and _")]


def _profile_faults(display_name: str, bio: str) -> list[tuple[str, str]]:
    faults = []
    if len(display_name) > DISPLAY_NAME_CHARS_MAX:
        faults.append(("/display_name", f"More than {DISPLAY_NAME_CHARS_MAX} characters"))
    if not _DISPLAY_NAME.fullmatch(display_name):
        faults.append(("/display_name", "Control characters cannot be shown"))
    if len(bio) > BIO_CHARS_MAX:
        faults.append(("/bio", f"More than {BIO_CHARS_MAX} characters"))
    if not _BIO.fullmatch(bio):
        faults.append(("/bio", "Control characters cannot be shown"))
    return faults
