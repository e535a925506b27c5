"""Keys in PostgreSQL: the contract, and what only many processes can get wrong."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from domain.ids import AccountId
from infra.postgresql import blocking
from infra.postgresql import keyring as module
from infra.postgresql.blocking import BlockingDatabase
from infra.postgresql.database import Database
from infra.postgresql.keyring import PostgresqlKeyring
from streams.envelope import Erased, NotAtHand
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, shared_tables, url_of
from tests.contract.keyring_contract import ADA, BOB, WORDS, KeyringContract

Reopen = Callable[[], PostgresqlKeyring]
ROOT = Path(__file__).parents[2]
PEOPLE = [AccountId(n) for n in range(1, 201)]
SEAL_AND_DIE = """
import os, signal, sys
from infra.postgresql import blocking
from infra.postgresql.database import Database
from infra.postgresql.keyring import PostgresqlKeyring

blocking.LIMIT_S = 30.0
url, namespace = sys.argv[1:]
keyring = PostgresqlKeyring(Database(url), url, namespace)
os.write(1, keyring.seal(1, b"an unmistakable confession"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that needs seconds for a commit is not what is tested."""
    monkeypatch.setattr(blocking, "LIMIT_S", 30.0)


@pytest.fixture
async def namespace(cluster: LocalCluster) -> AsyncIterator[str]:
    async with shared_tables(cluster) as namespace:
        yield namespace


@pytest.fixture
async def database(cluster: LocalCluster) -> AsyncIterator[Database]:
    database = Database(url_of(cluster))
    yield database
    await database.close()


@pytest.fixture
def reopen(cluster: LocalCluster, database: Database, namespace: str) -> Iterator[Reopen]:
    """Opens the keys, as another process would; closed after the test."""
    opened: list[PostgresqlKeyring] = []

    def one_more() -> PostgresqlKeyring:
        opened.append(PostgresqlKeyring(database, url_of(cluster), namespace))
        return opened[-1]

    yield one_more
    for keyring in opened:
        keyring.close()


@pytest.fixture
def keyring(reopen: Reopen) -> PostgresqlKeyring:
    return reopen()


class TestPostgresqlKeyring(KeyringContract):
    @pytest.fixture
    def reopen(self, reopen: Reopen) -> Reopen:
        return reopen

    @pytest.fixture
    def keyring(self, keyring: PostgresqlKeyring) -> PostgresqlKeyring:
        return keyring


def test_a_key_is_kept_before_anything_is_sealed_with_it(
    cluster: LocalCluster, namespace: str, keyring: PostgresqlKeyring
) -> None:
    died = subprocess.run(
        [sys.executable, "-c", SEAL_AND_DIE, url_of(cluster), namespace],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert keyring.open(ADA, died.stdout) == WORDS


def test_processes_agree_on_new_keys_and_on_the_secret_of_handles(reopen: Reopen) -> None:
    keyrings = [reopen() for _ in range(4)]
    sealed: list[tuple[AccountId, bytes]] = []
    handles: set[str] = set()

    def begin(keyring: PostgresqlKeyring) -> None:
        handles.add(keyring.key_of("ada"))
        sealed.extend((person, keyring.seal(person, WORDS)) for person in PEOPLE[:20])

    threads = [threading.Thread(target=begin, args=(keyring,)) for keyring in keyrings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    fresh = reopen()
    assert [fresh.open(person, one) for person, one in sealed] == [WORDS] * 80
    assert len(handles) == 1


async def test_keys_prepared_at_the_same_time_are_the_same(reopen: Reopen) -> None:
    keyrings = [reopen() for _ in range(4)]

    await asyncio.gather(
        *(one.prepare(PEOPLE[n * 20 :: -1] + PEOPLE) for n, one in enumerate(keyrings))
    )

    for person in PEOPLE:
        assert keyrings[0].open(person, keyrings[3].seal(person, WORDS)) == WORDS


async def test_what_was_prepared_or_fetched_needs_no_server(reopen: Reopen) -> None:
    writer, reader, thread = reopen(), reopen(), reopen()
    await writer.prepare(PEOPLE)
    await reader.fetch(PEOPLE)
    await asyncio.to_thread(thread.load, PEOPLE)
    for keyring in (writer, reader, thread):
        keyring.close()

    for person in PEOPLE:
        sealed = writer.seal(person, WORDS)
        assert reader.open(person, sealed) == thread.open(person, sealed) == WORDS


def test_only_a_key_in_memory_is_at_hand(reopen: Reopen) -> None:
    sealed = reopen().seal(ADA, WORDS)
    keyring = reopen()

    with pytest.raises(NotAtHand):
        keyring.open_at_hand(ADA, sealed)
    keyring.load([ADA])

    assert keyring.open_at_hand(ADA, sealed) == WORDS
    keyring.destroy(ADA)
    with pytest.raises(Erased):
        keyring.open_at_hand(ADA, sealed)


async def test_fetching_makes_no_keys(keyring: PostgresqlKeyring) -> None:
    await keyring.fetch([ADA])

    with pytest.raises(Unavailable):
        keyring.open(ADA, bytes(60))


async def test_a_key_destroyed_elsewhere_opens_nothing_soon_after(
    reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    keyring, other = reopen(), reopen()
    sealed, others = keyring.seal(ADA, WORDS), keyring.seal(BOB, WORDS)
    other.destroy(ADA)

    async def open_for_ever() -> None:
        while keyring.open(ADA, sealed):
            await asyncio.sleep(0.01)

    with pytest.raises(Erased):
        await asyncio.wait_for(open_for_ever(), 120)
    with pytest.raises(Unavailable):
        keyring.seal(ADA, WORDS)
    await keyring.prepare([ADA])
    with pytest.raises(Erased):
        keyring.open(ADA, sealed)
    assert keyring.open(BOB, others) == WORDS


def test_more_people_than_the_cache_holds(
    keyring: PostgresqlKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHED_KEYS_MAX", 10)

    sealed = [keyring.seal(person, WORDS) for person in PEOPLE[:30]]

    pairs = zip(PEOPLE[:30], sealed, strict=True)
    assert [keyring.open(person, one) for person, one in pairs] == [WORDS] * 30


async def test_no_server_is_no_erasure_and_keeps_nobody_waiting_twice(
    reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgresql.database.CONNECT_S", 1)
    monkeypatch.setattr(blocking, "PAUSE_S", 60)
    nowhere = Database(NOWHERE)
    keyring = PostgresqlKeyring(nowhere, NOWHERE)
    sealed = os.urandom(60)

    with pytest.raises(Unavailable):
        keyring.open(ADA, sealed)
    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(Unavailable):
            keyring.open(ADA, sealed)
    assert time.perf_counter() - started < 10
    for attempt in (keyring.prepare([ADA]), keyring.fetch([ADA])):
        with pytest.raises(Unavailable):
            await attempt
    await nowhere.close()


def test_a_server_that_hangs_is_given_up(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "LIMIT_S", 0.5)
    monkeypatch.setattr(blocking, "PAUSE_S", 0)
    database = BlockingDatabase(url_of(cluster))

    started = time.perf_counter()
    with pytest.raises(Unavailable):
        database.rows("SELECT pg_sleep(8)")
    assert time.perf_counter() - started < 7

    monkeypatch.setattr(blocking, "LIMIT_S", 30.0)
    assert database.rows("SELECT 1") == [(1,)]
    database.close()
    with pytest.raises(Unavailable):
        database.rows("SELECT 1")
