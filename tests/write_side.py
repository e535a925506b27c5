"""The embedded write side alone: the real log, keys, stamps and refusals on a folder, no views."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from commands.ports import Ports
from infra.importing.imports import Imports
from infra.importing.outside import Outside
from infra.sqlite.event_log import SqliteEventLog
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.idempotency import SqliteIdempotency
from infra.sqlite.import_index import SqliteImportIndex
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.leases import SqliteLeases
from infra.sqlite.recorder import create_log
from infra.sqlite.refusals import SqliteRefusals
from infra.stamps import LeasedStamps, wall_clock_ms
from streams.envelope import Codec
from tests.fakes import FakeCounters, FakeIdentity


class WriteSide:
    """Opened on a folder, and again on the same one; `imports` is what the tests are about."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        path = folder / "log.db"
        create_log(path)
        with ExitStack() as opened:
            self.keyring = SqliteKeyring(folder / "keys.db")
            opened.callback(self.keyring.close)
            self.codec = Codec(self.keyring)
            self.feed = SqliteFeed(path, self.codec)
            opened.callback(self.feed.close)
            self.refusals = SqliteRefusals(folder / "refusals.db")
            self.refusals.catch_up(self.feed)
            opened.callback(self.refusals.close)
            leases = SqliteLeases(folder / "ids.db")
            opened.callback(leases.close)
            self.log = SqliteEventLog(
                path,
                self.codec,
                on_commit=(self.refusals.committed, self.feed.committed),
                now_ms=wall_clock_ms,
            )
            opened.callback(self.log.close)
            idempotency = SqliteIdempotency(path, self.log, self.keyring)
            opened.callback(idempotency.close)
            self.index = SqliteImportIndex(path, self.keyring)
            opened.callback(self.index.close)
            self.ports = Ports(
                log=self.log,
                stamps=LeasedStamps(leases, seen_id=self.feed.newest_id()),
                handles=self.keyring,
                identity=FakeIdentity(),
                refusals=self.refusals,
                idempotency=idempotency,
                counters=FakeCounters(),
            )
            self.imports = Imports(
                Outside(self.ports, self.keyring, self.index, folder / "imports")
            )
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()
