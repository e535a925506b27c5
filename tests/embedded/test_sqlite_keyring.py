"""Keys in a file: the contract, and what only a file can get wrong."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import Unavailable
from domain.ids import AccountId
from infra.sqlite import connections
from infra.sqlite import keyring as module
from infra.sqlite.keyring import SqliteKeyring
from tests.contract.keyring_contract import ADA, BOB, WORDS, KeyringContract

Reopen = Callable[[], SqliteKeyring]
ROOT = Path(__file__).parents[2]
SEAL_AND_DIE = """
import os, signal, sys
from pathlib import Path
from infra.sqlite.keyring import SqliteKeyring

sealed = SqliteKeyring(Path(sys.argv[1])).seal(1, b"an unmistakable confession")
os.write(1, sealed)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.db"


class TestSqliteKeyring(KeyringContract):
    @pytest.fixture
    def reopen(self, path: Path) -> Iterator[Reopen]:
        """Opens the keys, as often as a test likes; closed after it."""
        opened: list[SqliteKeyring] = []

        def one_more() -> SqliteKeyring:
            opened.append(SqliteKeyring(path))
            return opened[-1]

        yield one_more
        for keyring in opened:
            keyring.close()

    @pytest.fixture
    def keyring(self, reopen: Reopen) -> SqliteKeyring:
        return reopen()

    def test_a_key_is_in_the_file_before_anything_is_sealed_with_it(
        self, path: Path, reopen: Reopen
    ) -> None:
        died = subprocess.run(
            [sys.executable, "-c", SEAL_AND_DIE, path], cwd=ROOT, capture_output=True, check=False
        )

        assert died.returncode == -signal.SIGKILL
        assert reopen().open(ADA, died.stdout) == WORDS

    def test_a_key_that_cannot_be_stored_seals_nothing(
        self, path: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "LOCK_WAIT_S", 0.01)
        keyring = reopen()
        sealed = keyring.seal(BOB, WORDS)

        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(2):
                with pytest.raises(Unavailable):
                    keyring.seal(ADA, WORDS)
            with pytest.raises(Unavailable):
                keyring.destroy(BOB)

        assert keyring.open(BOB, sealed) == WORDS
        assert keyring.open(ADA, keyring.seal(ADA, WORDS)) == WORDS

    def test_a_closed_or_broken_file_is_no_erasure(self, path: Path, reopen: Reopen) -> None:
        keyring = reopen()
        keyring.close()

        with pytest.raises(Unavailable):
            keyring.open(ADA, bytes(60))
        path.write_bytes(b"this is no database" * 100)
        with pytest.raises(Unavailable):
            reopen()

    def test_a_destroyed_key_is_nowhere_in_the_files(
        self, path: Path, keyring: SqliteKeyring
    ) -> None:
        keyring.seal(ADA, WORDS)
        with closing(sqlite3.connect(path)) as other:
            [(key,)] = other.execute("SELECT key FROM keys")
        assert any(key in file.read_bytes() for file in path.parent.glob("keys.db*"))

        keyring.destroy(ADA)

        assert not any(key in file.read_bytes() for file in path.parent.glob("keys.db*"))

    def test_the_file_is_its_owners_alone_and_synced(
        self, path: Path, keyring: SqliteKeyring
    ) -> None:
        keyring.seal(ADA, WORDS)

        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("keys.db*")}
        assert modes == {0o600}
        synchronous = keyring._connection.execute("PRAGMA synchronous")  # noqa: SLF001
        assert synchronous.fetchone() == (2,)

    def test_threads_agree_on_a_new_key(self, keyring: SqliteKeyring, reopen: Reopen) -> None:
        people = [AccountId(n) for n in range(50)]
        sealed: list[tuple[AccountId, bytes]] = []

        def seal_all() -> None:
            sealed.extend((person, keyring.seal(person, WORDS)) for person in people)

        threads = [threading.Thread(target=seal_all) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        fresh = reopen()
        assert [fresh.open(person, one) for person, one in sealed] == [WORDS] * 200

    def test_more_people_than_the_cache_holds(
        self, path: Path, keyring: SqliteKeyring, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "CACHED_KEYS_MAX", 10)
        people = [AccountId(n) for n in range(1, 31)]

        sealed = [keyring.seal(person, WORDS) for person in people]

        with closing(sqlite3.connect(path)) as other, other:
            other.execute("DELETE FROM keys WHERE person_id > 20")
        newest_first = reversed(list(zip(people, sealed, strict=True)))
        assert [keyring.open(p, s) for p, s in newest_first] == [WORDS] * 30

    def test_a_cached_key_costs_microseconds(self, keyring: SqliteKeyring) -> None:
        clear = os.urandom(300)
        rounds = 2_000

        best = min(
            timeit.repeat(
                lambda: keyring.open(ADA, keyring.seal(ADA, clear)),
                number=rounds,
                timer=time.thread_time,
            )
        )

        assert best / rounds < 50e-6  # measured: 5.4 us; the margin is for a loaded machine
