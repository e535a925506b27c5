"""A real Redis Cluster of three masters for tests, on ports of its own."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from redis import Redis as Client
from redis.exceptions import BusyLoadingError, ConnectionError, ResponseError

from infra.cluster import processes
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import Launch
from infra.cluster.ports import ports_from
from infra.cluster.redis import Redis as RedisEngine
from infra.cluster.sockets import HOST
from infra.settings import load
from tests.cluster.local import free_base_port

SLOTS: Final = 16_384
MASTERS: Final = 3
READY_S: Final = 300.0
STOP_S: Final = 10.0
LOOK_EVERY_S: Final = 0.02
KEYS_AT_ONCE: Final = 50
MIGRATE_MS: Final = 10_000
NODE_TIMEOUT_MS: Final = "15000"
# After five seconds Redis gives up to fail over.
ASK_AGAIN_S: Final = 6.0


class Masters:
    """The three, by the clients of tests: first those slots that come first."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = ports
        self.url = "redis+cluster://" + ",".join(f"{HOST}:{port}" for port in ports)
        self.each = [Client(host=HOST, port=port, decode_responses=True) for port in ports]

    def join(self) -> None:
        """Make one cluster of them, each with a third of the slots."""
        for number, master in enumerate(self.each):
            _until(master.ping)
            first, end = (SLOTS * n // MASTERS for n in (number, number + 1))
            _cluster(master, "ADDSLOTSRANGE", first, end - 1)
            _cluster(master, "SET-CONFIG-EPOCH", number + 1)
        for master in self.each[1:]:
            _cluster(master, "MEET", HOST, self.ports[0], self.ports[0] + MASTERS)
        for master in self.each:
            _until(partial(_is_whole, master))

    def owner(self, slot: int) -> int:
        """Which of them has a slot."""
        for first, last, node, *_ in _cluster(self.each[0], "SLOTS"):
            if first <= slot <= last:
                return self.ports.index(node[1])
        raise AssertionError(slot)

    def move(self, slot: int, *, to: int) -> int:
        """Move a slot with all its keys to another master. How many keys there were."""
        source, target = self.each[self.owner(slot)], self.each[to]
        self.begin_to_move(slot, to=to)
        moved = 0
        while keys := _cluster(source, "GETKEYSINSLOT", slot, KEYS_AT_ONCE):
            source.migrate(HOST, self.ports[to], keys, 0, MIGRATE_MS)
            moved += len(keys)
        name = _cluster(target, "MYID")
        for master in (target, source, *self.each):
            _cluster(master, "SETSLOT", slot, "NODE", name)
        return moved

    def begin_to_move(self, slot: int, *, to: int) -> None:
        """From now on the slot is on two masters."""
        source, target = self.each[self.owner(slot)], self.each[to]
        _cluster(target, "SETSLOT", slot, "IMPORTING", _cluster(source, "MYID"))
        _cluster(source, "SETSLOT", slot, "MIGRATING", _cluster(target, "MYID"))

    def stay(self, slot: int) -> None:
        """End a move that has moved nothing."""
        for master in self.each:
            _cluster(master, "SETSLOT", slot, "STABLE")

    def close(self) -> None:
        for master in self.each:
            master.close()


def _is_whole(master: Client) -> bool:
    told = dict(line.split(":") for line in _cluster(master, "INFO").splitlines())
    is_known = int(told["cluster_known_nodes"]) == MASTERS
    return told["cluster_state"] == "ok" and is_known and len(_cluster(master, "SLOTS")) == MASTERS


@contextmanager
def three_masters(folder: Path) -> Iterator[Masters]:
    """Started for whoever asks, and gone at the end."""
    first = free_base_port(os.getpid())
    with ExitStack() as running:
        for port in range(first, first + MASTERS):
            running.enter_context(_started(folder, port))
        with closing(Masters(range(first, first + MASTERS))) as masters:
            masters.join()
            yield masters


class Replica:
    """Of the first master, until it takes over."""

    def __init__(self, masters: Masters, port: int) -> None:
        self._everybody = masters.each
        self._master = masters.each[0]
        self._itself = Client(host=HOST, port=port, decode_responses=True)
        self._first, self._port = masters.ports[0], port
        self._ask_again_at = 0.0

    def join(self) -> None:
        """Become one."""
        _until(self._itself.ping)
        _cluster(self._itself, "MEET", HOST, self._first, self._first + MASTERS)
        name = _cluster(self._master, "MYID")
        _until(lambda: name in _cluster(self._itself, "NODES"))
        _cluster(self._itself, "REPLICATE", name)

    def take_over(self) -> None:
        """Become master instead of it; return when all know."""
        # A master does not hear one of whom it does not know yet that it is its replica.
        _until(partial(_has_replica, self._master, self._port))
        _until(partial(_is_in_step, self._itself))
        for server in (self._itself, *self._everybody):
            _until(partial(self._is_master_for, server))

    def close(self) -> None:
        self._itself.close()

    def _is_master_for(self, server: Client) -> bool:
        if any(node[1] == self._port for _, _, node, *_ in _cluster(server, "SLOTS")):
            return True
        if time.monotonic() > self._ask_again_at:
            self._ask_again_at = time.monotonic() + ASK_AGAIN_S
            with suppress(ResponseError):  # it is master already
                _cluster(self._itself, "FAILOVER")
        return False


@contextmanager
def replica(masters: Masters, folder: Path) -> Iterator[Replica]:
    """Of the first master; gone at the end, and nobody takes its place then."""
    port = masters.ports[-1] + MASTERS + 1
    with _started(folder, port), closing(Replica(masters, port)) as started:
        started.join()
        yield started


@contextmanager
def _started(folder: Path, port: int) -> Iterator[None]:
    artefacts = Artefacts(load()[0].cluster_cache_path)
    engine = RedisEngine(ports_from(port)._replace(redis=port))
    engine.install(artefacts)
    home = folder / str(port)
    home.mkdir()
    launch = _in_a_cluster(engine.prepare(home, artefacts), port)
    started = processes.start(launch, ports=(port,), folder=home, log=home / "log")
    try:
        yield
    finally:
        processes.stop(started, signal.SIGTERM, STOP_S)


def _in_a_cluster(launch: Launch, port: int) -> Launch:
    """Its second port is for the others; it ends with this process, however that ends."""
    setpriv = shutil.which("setpriv")
    return Launch(
        (
            *launch.argv,
            *("--cluster-enabled", "yes", "--cluster-port", str(port + MASTERS)),
            *("--cluster-node-timeout", NODE_TIMEOUT_MS, "--appendonly", "no"),
        ),
        (setpriv, "--pdeathsig", "TERM", "--") if setpriv else (),
    )


def _has_replica(server: Client, port: int) -> bool:
    slots = _cluster(server, "SLOTS")
    return any(node[1] == port for _, _, _, *replicas in slots for node in replicas)


def _is_in_step(server: Client) -> bool:
    role = server.execute_command("ROLE")  # type: ignore[no-untyped-call]
    return bool(role[0] == "slave" and role[3] == "connected")


def _cluster(master: Client, *words: object) -> Any:
    return master.execute_command("CLUSTER", *words)  # type: ignore[no-untyped-call]


def _until(is_so: Callable[[], object]) -> None:
    late = time.monotonic() + READY_S
    while True:
        with suppress(ConnectionError, BusyLoadingError):
            if is_so():
                return
        assert time.monotonic() < late, "The masters of a Redis Cluster do not come together"
        time.sleep(LOOK_EVERY_S)
