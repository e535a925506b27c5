"""The endpoint and the route of a command, alike for all of them."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from commands.handling import Decision, run
from commands.ports import Ports
from web.routing import Auth, Call, Endpoint, Reply, Route

CommandT = TypeVar("CommandT", bound=msgspec.Struct)
Handler = Callable[[CommandT, Ports], Awaitable[Decision]]

# What every command may answer: a token that cannot be read, who asks, the Idempotency-Key ...
_ERRORS: Final = frozenset({400, 401, 403, 409, 422, 429, 503})
_BODY_ERRORS: Final = frozenset({413, 415})


def answering(
    handler: Handler[CommandT],
    command_of: Callable[[Call], CommandT],
    ports: Ports,
    *,
    exclusive: bool = False,
) -> Endpoint:
    """The endpoint that makes a command of the call and has it decided and recorded; `exclusive`
    as for `handling.run`."""

    async def endpoint(call: Call) -> Reply:
        return await run(call, ports, partial(handler, command_of(call)), exclusive=exclusive)

    return endpoint


def command_route(
    method: str,
    path: str,
    endpoint: Endpoint,
    summary: str,
    *,
    answers: Mapping[int, Any],
    tag: str,
    body: type[msgspec.Struct] | None = None,
    errors: frozenset[int] = frozenset(),
    auth: Auth = Auth.REQUIRED,
) -> Route:
    """A command's route; `errors` are those that it has besides what every command has."""
    with_body = frozenset() if body is None else _BODY_ERRORS
    return Route(
        method=method,
        path=path,
        endpoint=endpoint,
        summary=summary,
        auth=auth,
        body=body,
        answers=answers,
        errors=tuple(sorted(_ERRORS | with_body | errors)),
        tag=tag,
        idempotent_key=True,
    )
