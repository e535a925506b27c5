"""Cassandra: one node that syncs its commit log before it acknowledges."""

import os
import shutil
import signal
import struct
from pathlib import Path
from socket import socket
from typing import Final

from infra.cluster import configuration
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import Launch
from infra.cluster.jdks import LIGHT, jdk
from infra.cluster.ports import Ports
from infra.cluster.sockets import HOST, ask, receive

HEAP: Final = ("-Xms1g", "-Xmx1g")

# Frames of its native protocol, version 4: opcodes, and a query at consistency ONE.
STARTUP, READY, QUERY, RESULT = 0x01, 0x02, 0x07, 0x08
VERSION_MAP: Final = struct.pack(">hh11sh5s", 1, 11, b"CQL_VERSION", 5, b"3.0.0")
SELECT: Final = b"SELECT release_version FROM system.local"
SELECT_AT_ONE: Final = struct.pack(f">i{len(SELECT)}shb", len(SELECT), SELECT, 1, 0)


class Cassandra:
    """The body of the log, and the tables of several projections."""

    name = "cassandra"
    stop_signal = signal.SIGTERM

    def __init__(self, ports: Ports) -> None:
        self.ports = (ports.cassandra, ports.cassandra_storage, ports.cassandra_storage_tls)
        self.url = f"{HOST}:{ports.cassandra}"

    def install(self, artefacts: Artefacts) -> None:
        """Fetch its jars."""
        artefacts.jars(self.name)

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Write its configuration; it makes its folders itself."""
        data, triggers, temporary = home / "data", home / "triggers", home / "tmp"
        for folder in (data, triggers, temporary):
            folder.mkdir(parents=True, exist_ok=True)
        port, storage_port, ssl_storage_port = self.ports
        settings = configuration.write(
            "cassandra/cassandra.yaml",
            home,
            port=port,
            storage_port=storage_port,
            ssl_storage_port=ssl_storage_port,
            data=data,
        )
        options = configuration.copy("cassandra/jvm17.options", home)
        logging = configuration.copy("cassandra/logback.xml", home)
        properties = {
            "cassandra.config": settings.absolute().as_uri(),
            "cassandra.storagedir": data,
            "cassandra.logdir": home,
            "cassandra.triggers_dir": triggers,
            "cassandra-foreground": "yes",
            "logback.configurationFile": logging.absolute().as_uri(),
            "java.io.tmpdir": temporary,
            # It is alone: there is nobody to wait for.
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.ring_delay_ms": 1,
            "cassandra.superuser_setup_delay_ms": 0,
            "cassandra.shutdown_announce_in_ms": 0,
            "cassandra.load_ring_state": "false",
        }
        told = (f"-D{name}={value}" for name, value in properties.items())
        java = (
            jdk(17, 17).program("java"),
            *HEAP,
            *LIGHT,
            f"@{options}",
            *told,
            "-cp",
            f"{artefacts.jars(self.name)}/*",
        )
        return Launch((*java, "org.apache.cassandra.service.CassandraDaemon"), _wrapper())

    def is_ready(self) -> bool:
        """Whether it answers a query."""
        with ask(self.ports[0]) as connection:
            started = _answer(connection, STARTUP, VERSION_MAP) == READY
            return started and _answer(connection, QUERY, SELECT_AT_ONE) == RESULT


def _wrapper() -> tuple[str, ...]:
    # As root it would lock all of its memory, which takes seconds and 900 MB.
    unprivileged: tuple[str, ...] = ()
    if os.geteuid() == 0 and (setpriv := shutil.which("setpriv")):
        unprivileged = (setpriv, "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    return ("env", "MALLOC_ARENA_MAX=2", *unprivileged)


def _answer(connection: socket, opcode: int, body: bytes) -> int:
    """The opcode of the answer to a frame."""
    connection.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
    _, _, _, answered, length = struct.unpack(">BBhBi", receive(connection, 9))
    receive(connection, length)
    return int(answered)
