"""A worker of the notebook as its own process: FOLDER BROKERS PREFIX NAME SLOW_S [PORT]."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.keyring import SqliteKeyring
from infra.stamps import wall_clock_ms
from infra.workers import Job, Workers, Workshop, run_until_told
from streams.envelope import Codec
from tests.cluster.notebook import NOTEBOOK, Notebook


@asynccontextmanager
async def opened(
    folder: Path, brokers: str, prefix: str, name: str, slow_s: float
) -> AsyncIterator[Workers]:
    store = Notebook(folder / "notebook.db", writer=name, slow_s=slow_s)
    with (
        closing(SqliteKeyring(folder / "keys.db")) as keyring,
        closing(SqliteDeadLetters(folder / "dead_letters.db")) as letters,
    ):
        shop = Workshop(brokers, prefix, Codec(keyring), letters, None, wall_clock_ms)
        yield Workers([Job(NOTEBOOK, 1, store)], shop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    _folder, _brokers, _prefix, _name, _slow_s, *_port = sys.argv[1:]
    _address = ("127.0.0.1", int(_port[0])) if _port else None
    _workers = opened(Path(_folder), _brokers, _prefix, _name, float(_slow_s))
    sys.exit(run_until_told(_workers, _address))
