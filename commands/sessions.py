"""Sign in, refresh, sign out. Not events: what a session is stays with the identity provider."""

import msgspec

from commands.mentions import account_of
from commands.ports import Ports, Tokens
from web.routing import Reply

# Tokens must not stay in a cache on their way (RFC 6749, section 5.1).
_NOT_STORED = (("Cache-Control", "no-store"),)


async def sign_in(handle: str, password: str, ports: Ports) -> Reply:
    """Raises WrongCredentials, the same for an unknown handle; Suspended."""
    account_id = await account_of(handle, ports)
    return _told(await ports.identity.sign_in(account_id, password))


async def refresh(refresh_token: str, ports: Ports) -> Reply:
    """Raises NotSignedIn, Suspended."""
    return _told(await ports.identity.refresh(refresh_token))


async def sign_out(session_id: str, ports: Ports) -> Reply:
    """From now on the session's tokens are refused."""
    await ports.identity.sign_out(session_id)
    return Reply(204)


def _told(tokens: Tokens) -> Reply:
    return Reply(200, msgspec.json.encode(tokens), _NOT_STORED)
