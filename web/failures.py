"""ASGI middleware: what nobody expected becomes a 500 problem, and its cause goes to the log; what
the server cannot wait for any longer as it ends becomes a 503."""

import asyncio
import logging
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import Unavailable
from web.outgoing import send_reply
from web.problems import InternalError, problem

_LOG: Final = logging.getLogger("starling.web")


class Failures:
    """The client learns the request's id and nothing else; the server goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except asyncio.CancelledError:
            # Whether it is done nobody knows: the client may ask again, with the same key.
            if not started:
                await send_reply(problem(Unavailable("The server ends")), (), scope, send)
            raise
        except Exception:
            _LOG.exception("A request failed", extra={"asked": _asked(scope)})
            if started:
                # Half an answer is out: only closing the connection tells the client.
                raise
            await send_reply(problem(InternalError()), (), scope, send)


def _asked(scope: Scope) -> str:
    """The method and the path's template: a path may hold what a log should not."""
    return f"{scope['method']} {scope.get('path_template', '(no route)')}"
