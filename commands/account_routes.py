"""The commands of accounts and sessions: path -> command."""

from dataclasses import replace
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from commands import sessions
from commands.change_password import ChangePassword, change_password
from commands.close_account import CloseAccount, close_account
from commands.edit_profile import EditProfile, edit_profile
from commands.endpoints import answering, command_route
from commands.handling import run
from commands.open_account import OpenAccount, open_account
from commands.ports import Ports, Tokens
from domain import accounts
from domain.errors import Conflict, HandleTaken
from domain.ids import AccountId
from domain.objects import Account
from web.routing import Auth, Call, Endpoint, Reply, Route

TAG: Final = "identity"
_GONE: Final = frozenset({404})
_SESSION_ERRORS: Final = (400, 401, 403, 413, 415, 422, 429, 503)

Handle = Annotated[str, Meta(pattern=accounts.HANDLE_PATTERN, examples=["ada"])]
NewPassword = Annotated[
    str,
    Meta(min_length=accounts.PASSWORD_CHARS_MIN, max_length=accounts.PASSWORD_CHARS_MAX),
]
DisplayName = Annotated[
    str,
    Meta(max_length=accounts.DISPLAY_NAME_CHARS_MAX, pattern=accounts.DISPLAY_NAME_PATTERN),
]
Bio = Annotated[str, Meta(max_length=accounts.BIO_CHARS_MAX, pattern=accounts.BIO_PATTERN)]


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """A blank display name shows the handle."""

    handle: Handle
    password: NewPassword
    display_name: DisplayName = ""


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    handle: str
    password: str


class RefreshToken(msgspec.Struct, forbid_unknown_fields=True):
    refresh_token: str


class ProfileEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    display_name: DisplayName | UnsetType = UNSET
    bio: Bio | UnsetType = UNSET


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    current_password: str
    new_password: NewPassword


def routes(ports: Ports) -> tuple[Route, ...]:
    """Everything that changes an account or a session."""
    return (*_of_accounts(ports), *_of_sessions(ports))


def _of_accounts(ports: Ports) -> tuple[Route, ...]:
    sign_up = command_route(
        "POST",
        "/v1/accounts",
        _sign_up(ports),
        "Open an account",
        answers={201: Account},
        tag=TAG,
        body=NewAccount,
        auth=Auth.NONE,
    )
    edit = command_route(
        "PATCH",
        "/v1/accounts/me",
        answering(edit_profile, _profile_edit, ports),
        "Change one's display name or bio",
        answers={200: Account},
        tag=TAG,
        body=ProfileEdit,
        errors=_GONE,
    )
    new_password = command_route(
        "PUT",
        "/v1/accounts/me/password",
        _change_password(ports),
        "Change one's password; every other session ends",
        answers={204: None},
        tag=TAG,
        body=PasswordChange,
    )
    close = command_route(
        "DELETE",
        "/v1/accounts/me",
        _close_account(ports),
        "Close one's account; its handle can be taken again",
        answers={204: None},
        tag=TAG,
        errors=_GONE,
    )
    return (
        replace(sign_up, limit="sign-up"),
        edit,
        replace(new_password, limit="password"),
        close,
    )


def _of_sessions(ports: Ports) -> tuple[Route, ...]:
    return (
        Route(
            method="POST",
            path="/v1/sessions",
            endpoint=_sign_in(ports),
            summary="Sign in",
            auth=Auth.NONE,
            body=Credentials,
            answers={200: Tokens},
            errors=_SESSION_ERRORS,
            tag=TAG,
            limit="sign-in",
            limit_by=_handle_of,
        ),
        Route(
            method="POST",
            path="/v1/sessions/refresh",
            endpoint=_refresh(ports),
            summary="Exchange a refresh token for new tokens; it works once",
            auth=Auth.NONE,
            body=RefreshToken,
            answers={200: Tokens},
            errors=_SESSION_ERRORS,
            tag=TAG,
            limit="refresh",
        ),
        Route(
            method="DELETE",
            path="/v1/sessions",
            endpoint=_sign_out(ports),
            summary="Sign out: the session's tokens are refused at once",
            answers={204: None},
            errors=(400, 401, 403, 429, 503),
            tag=TAG,
        ),
    )


def _sign_up(ports: Ports) -> Endpoint:
    async def endpoint(call: Call) -> Reply:
        body: NewAccount = call.body
        account_id = AccountId(ports.stamps.event_id())
        command = OpenAccount(
            handle=body.handle,
            display_name=body.display_name,
            password=body.password,
            account_id=account_id,
        )
        # It is kept beside the answer, unsealed: it must not show the handle.
        scope = f"handle:{ports.handles.key_of(body.handle)}"
        try:
            return await run(
                _blinded(call, ports),
                ports,
                lambda p: open_account(command, p),
                scope=scope,
                exclusive=True,
            )
        except (HandleTaken, Conflict):
            # Nothing was recorded: let the password of an account that never was not stay.
            await ports.identity.forget(account_id)
            raise

    return endpoint


def _profile_edit(call: Call) -> EditProfile:
    body: ProfileEdit = call.body
    return EditProfile(
        account_id=call.account_id,
        display_name=None if body.display_name is UNSET else body.display_name,
        bio=None if body.bio is UNSET else body.bio,
    )


def _change_password(ports: Ports) -> Endpoint:
    async def endpoint(call: Call) -> Reply:
        body: PasswordChange = call.body
        command = ChangePassword(
            account_id=call.account_id,
            session_id=call.session_id,
            current=body.current_password,
            new=body.new_password,
        )
        return await run(
            _blinded(call, ports), ports, lambda p: change_password(command, p), exclusive=True
        )

    return endpoint


def _close_account(ports: Ports) -> Endpoint:
    async def endpoint(call: Call) -> Reply:
        command = CloseAccount(account_id=call.account_id)
        reply = await run(call, ports, lambda p: close_account(command, p))
        await ports.identity.forget(call.account_id)
        return reply

    return endpoint


def _sign_in(ports: Ports) -> Endpoint:
    async def endpoint(call: Call) -> Reply:
        body: Credentials = call.body
        return _covering(await sessions.sign_in(body.handle, body.password, ports), call)

    return endpoint


def _refresh(ports: Ports) -> Endpoint:
    async def endpoint(call: Call) -> Reply:
        body: RefreshToken = call.body
        return _covering(await sessions.refresh(body.refresh_token, ports), call)

    return endpoint


def _sign_out(ports: Ports) -> Endpoint:
    async def endpoint(call: Call) -> Reply:
        return _covering(await sessions.sign_out(call.session_id, ports), call)

    return endpoint


def _covering(reply: Reply, call: Call) -> Reply:
    """Sessions are not in the log, so the reply's token covers just the tokens that were sent."""
    return reply._replace(vector=call.vector)


def _handle_of(body: Credentials) -> str:
    return body.handle.casefold()


def _blinded(call: Call, ports: Ports) -> Call:
    """The call with a fingerprint that cannot be used to try out passwords.

    It is kept with the Idempotency-Key, and that of a body with a password would be a fast,
    unsalted hash of it. No handle has a colon, so no handle's key is ever one of these.
    """
    if not call.fingerprint:
        return call
    keyed = ports.handles.key_of(f"fingerprint:{call.fingerprint.hex()}")
    return replace(call, fingerprint=keyed.encode())
