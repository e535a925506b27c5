"""Questions to a port of this machine, without any engine's client library."""

import socket
from collections.abc import Iterable
from typing import Final

HOST: Final = "127.0.0.1"
ANSWER_S: Final = 3.0


def ask(port: int) -> socket.socket:
    """A connection that waits a few seconds for an answer. Raises OSError."""
    return socket.create_connection((HOST, port), timeout=ANSWER_S)


def receive(connection: socket.socket, count: int) -> bytes:
    """So many bytes. Raises ConnectionError if the other side ends before."""
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            raise ConnectionResetError("The connection ended in the middle of an answer")
        found += more
    return found


def hang_up(connection: socket.socket) -> None:
    """End it in good order, having read what is still said. Raises OSError."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


def taken(ports: Iterable[int]) -> list[int]:
    """Those of the ports on which somebody listens."""
    return [port for port in ports if _is_taken(port)]


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # Connections that linger after a crash are no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
