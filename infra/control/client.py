"""Asking a running server through its control socket."""

import socket
from pathlib import Path

from infra.control.address import address_of
from infra.control.requests import Failed, Message, Request, Result, decode_message, encode
from infra.importing.tally import Progress, Report


class NobodyServes(Exception):
    """No server listens at the folder's control socket."""


class RequestFailed(Exception):
    """It was not done, or not to the end; the message is for a person."""


def ask(folder: Path, request: Request, report: Report) -> Result:
    """Have the server that serves the folder do it. Raises NobodyServes, RequestFailed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            with address_of(folder) as address:
                connection.connect(address)
        except OSError as error:
            raise NobodyServes(str(folder)) from error
        try:
            return _converse(connection, request, report)
        except ConnectionError as error:
            raise RequestFailed(f"The server went away: {error}") from error


def _converse(connection: socket.socket, request: Request, report: Report) -> Result:
    connection.sendall(encode(request) + b"\n")
    with connection.makefile("rb") as lines:
        for line in lines:
            message: Message = decode_message(line)
            if isinstance(message, Failed):
                raise RequestFailed(message.reason)
            if not isinstance(message, Progress):
                return message
            report(message)
    raise RequestFailed("The server stopped before it was done")
