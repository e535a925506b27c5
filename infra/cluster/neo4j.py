"""Neo4j, Community edition: Bolt only, with a password."""

import signal
import struct
from pathlib import Path
from socket import socket
from typing import Final

from infra.cluster import configuration
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import PASSWORD, Launch
from infra.cluster.jdks import LIGHT, jdk
from infra.cluster.ports import Ports
from infra.cluster.programs import run
from infra.cluster.sockets import HOST, ask, hang_up, receive

SET_PASSWORD_S: Final = 60.0
OPENED: Final = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch")

# Bolt 4.4: the handshake, and its messages in PackStream.
HANDSHAKE: Final = bytes.fromhex("6060b017 00000404 00000000 00000000 00000000")
HELLO, RUN, GOODBYE, SUCCESS = b"\xb1\x01", b"\xb3\x10", b"\xb0\x02", b"\xb1\x70"


class Neo4j:
    """The follower graph."""

    name = "neo4j"
    stop_signal = signal.SIGTERM
    user = "neo4j"

    def __init__(self, ports: Ports) -> None:
        self.ports = (ports.neo4j,)
        self.url = f"bolt://{HOST}:{ports.neo4j}"

    def install(self, artefacts: Artefacts) -> None:
        """Fetch its jars."""
        artefacts.jars(self.name)

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Set the password before the first start."""
        conf = home / "conf"
        configuration.write("neo4j/neo4j.conf", conf, port=self.ports[0])
        for folder in ("data", "logs", "plugins", "import", "run"):
            (home / folder).mkdir(exist_ok=True)
        java = (jdk(17, 21).program("java"), *LIGHT, "-Dlog4j2.disable.jmx=true")
        jars = ("-cp", f"{artefacts.jars(self.name)}/*")
        places = ("env", f"NEO4J_HOME={home}", f"NEO4J_CONF={conf}")
        known = home / "data" / "dbms" / "auth.ini", home / "data" / "databases" / "system"
        if not any(path.exists() for path in known):
            tool = (*places, *java, "-Xmx256m", *jars, "org.neo4j.cli.AdminTool")
            run(
                (*tool, "dbms", "set-initial-password", PASSWORD),
                log=home / "prepare.log",
                timeout_s=SET_PASSWORD_S,
            )
        opened = (f"--add-opens={package}=ALL-UNNAMED" for package in OPENED)
        options = (
            *("-server", "-Xms256m", "-Xmx256m", "-XX:-OmitStackTraceInFastThrow", *opened),
            "-Dio.netty.tryReflectionSetAccessible=true",
        )
        told = (f"--home-dir={home}", f"--config-dir={conf}", "--console-mode")
        server = ("org.neo4j.server.CommunityEntryPoint", *told)
        return Launch((*java, *options, *jars, *server), places)

    def is_ready(self) -> bool:
        """Whether it lets us in and answers a query."""
        who = {"user_agent": "starling", "scheme": "basic", "principal": self.user}
        hello = HELLO + _map(who | {"credentials": PASSWORD})
        query = RUN + _text("RETURN 1") + _map({}) + _map({})
        with ask(self.ports[0]) as connection:
            connection.sendall(HANDSHAKE)
            if receive(connection, 4) != b"\0\0\x04\x04":
                return False
            for message in (hello, query):
                _send(connection, message)
                if not _answer(connection).startswith(SUCCESS):
                    return False
            # It takes connections that just end for a network in trouble.
            _send(connection, GOODBYE)
            hang_up(connection)
        return True


def _send(connection: socket, message: bytes) -> None:
    connection.sendall(struct.pack(">H", len(message)) + message + b"\0\0")


def _answer(connection: socket) -> bytes:
    """A message: chunks with their lengths, until an empty one."""
    message = b""
    while length := int.from_bytes(receive(connection, 2), "big"):
        message += receive(connection, length)
    return message


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"\xd0" + bytes([len(encoded)]) + encoded


def _map(entries: dict[str, str]) -> bytes:
    pairs = (_text(name) + _text(value) for name, value in entries.items())
    return bytes([0xA0 + len(entries)]) + b"".join(pairs)
