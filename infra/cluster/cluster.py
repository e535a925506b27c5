"""All the engines of one folder: started, watched and stopped at once."""

import fcntl
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.cluster.artefacts import Artefacts
from infra.cluster.cassandra import Cassandra
from infra.cluster.elasticsearch import Elasticsearch
from infra.cluster.engine import Engine
from infra.cluster.kafka import Kafka
from infra.cluster.kept import EngineFailed, EngineStatus, KeptEngine, Report, Step
from infra.cluster.neo4j import Neo4j
from infra.cluster.ports import Ports
from infra.cluster.postgresql import Postgresql
from infra.cluster.programs import Missing, ProgramFailed
from infra.cluster.redis import Redis

MARK: Final = ".starling-cluster"
NAMES: Final = ("kafka", "cassandra", "neo4j", "elasticsearch", "redis", "postgresql")


class ClusterFailed(Exception):
    """Engines could not be started or stopped; `reasons` has why, by name."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{name}: {why}" for name, why in reasons.items()))
        self.reasons = reasons


class ForeignFolder(Exception):
    """The folder holds something else: a cluster is neither put into it nor wiped from it."""


def engines(ports: Ports) -> tuple[Engine, ...]:
    """All of them, in the order of `NAMES`."""
    return (
        Kafka(ports),
        Cassandra(ports),
        Neo4j(ports),
        Elasticsearch(ports),
        Redis(ports),
        Postgresql(ports),
    )


class Cluster:
    """The engines whose data, logs and processes are kept in one folder; `only` some of them."""

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path,
        ports: Ports,
        report: Report,
        only: Collection[str] = NAMES,
    ) -> None:
        self._folder = folder.absolute()
        self._report = report
        self._given_up = threading.Event()
        self._engines = [
            KeptEngine(engine, self._folder, Artefacts(cache.absolute()), report)
            for engine in engines(ports)
            if engine.name in only
        ]

    def fetch(self) -> None:
        """Get what the engines are made of, unless it is there; nothing is started.

        Raises ClusterFailed.
        """
        self._for_each(KeptEngine.fetch)

    def up(self) -> None:
        """Start what does not run, and wait until all are ready.

        Raises ClusterFailed, ForeignFolder.
        """
        with self._alone():
            self._for_each(lambda engine: engine.up(self._given_up))

    def down(self, *, wipe: bool = False) -> None:
        """Stop what runs; `wipe` removes its data and logs. Raises ClusterFailed, ForeignFolder."""
        if self._folder.is_dir():
            with self._alone():
                self._for_each(lambda engine: engine.down(wipe=wipe))

    def status(self) -> list[EngineStatus]:
        """Each engine, asked now."""
        with ThreadPoolExecutor(len(self._engines)) as pool:
            return list(pool.map(KeptEngine.status, self._engines))

    def _for_each(self, act: Callable[[KeptEngine], None]) -> None:
        with ThreadPoolExecutor(len(self._engines)) as pool:
            try:
                reasons = list(pool.map(lambda engine: self._reason(engine, act), self._engines))
            except KeyboardInterrupt:
                # What was started is on record: the next run takes it up.
                self._given_up.set()
                raise
        names = (engine.name for engine in self._engines)
        failed = {name: why for name, why in zip(names, reasons, strict=True) if why is not None}
        if failed:
            raise ClusterFailed(failed)

    def _reason(self, engine: KeptEngine, act: Callable[[KeptEngine], None]) -> str | None:
        """Why it failed, or None."""
        try:
            act(engine)
        except (EngineFailed, ProgramFailed, Missing, OSError) as error:
            self._report(engine.name, Step.FAILED)
            return str(error)
        return None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One command at a time starts or stops in this folder."""
        mark = self._folder / MARK
        if not mark.exists() and self._folder.is_dir() and any(self._folder.iterdir()):
            raise ForeignFolder(f"{self._folder} is not empty, and not a cluster's folder")
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
