"""A worker of the notebook as its own process: FOLDER BROKERS PREFIX NAME SLOW_S."""

import asyncio
import logging
import signal
import sys
from contextlib import closing
from pathlib import Path

from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.keyring import SqliteKeyring
from streams.envelope import Codec
from streams.faust.worker import run_worker
from tests.cluster.notebook import NOTEBOOK, Notebook


async def work(folder: Path, brokers: str, prefix: str, name: str, slow_s: float) -> None:
    worker = asyncio.current_task()
    assert worker is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.cancel)
    store = Notebook(folder / "notebook.db", writer=name, slow_s=slow_s)
    with (
        closing(SqliteKeyring(folder / "keys.db")) as keyring,
        closing(SqliteDeadLetters(folder / "dead_letters.db")) as letters,
    ):
        await run_worker(NOTEBOOK, store, letters, Codec(keyring), brokers, prefix=prefix)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    _folder, _brokers, _prefix, _name, _slow_s = sys.argv[1:]
    try:
        asyncio.run(work(Path(_folder), _brokers, _prefix, _name, float(_slow_s)))
    except asyncio.CancelledError:
        sys.exit(0)
