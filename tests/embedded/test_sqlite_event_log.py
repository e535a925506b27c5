"""The embedded log: our contract, and the recorder cases that `eventsourcing` ships."""

import asyncio
import resource
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import pytest
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from commands.ports import Answer, Answered, Claimed, Receipt
from domain.errors import Unavailable
from domain.events import Recorded
from infra.sealed_answers import KEPT_MS
from infra.sqlite import event_log
from infra.sqlite.event_log import FORGET_EVERY_MS, SqliteEventLog
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.idempotency import SqliteIdempotency
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.recorder import GroupRecorder
from infra.stamps import wall_clock_ms
from streams.envelope import Codec
from tests import facts
from tests.contract.event_log_contract import EventLogContract


@pytest.fixture
def codec(tmp_path: Path) -> Iterator[Codec]:
    keyring = SqliteKeyring(tmp_path / "keys.db")
    yield Codec(keyring)
    keyring.close()


def shows(folder: Path, words: bytes) -> bool:
    """Whether a file of the log holds the words in clear."""
    return any(words in file.read_bytes() for file in folder.glob("log.db*"))


class TestSqliteEventLog(EventLogContract):
    @pytest.fixture
    def log(self, tmp_path: Path, codec: Codec) -> Iterator[SqliteEventLog]:
        log = SqliteEventLog(tmp_path / "log.db", codec, now_ms=wall_clock_ms)
        yield log
        log.close()

    @pytest.fixture
    def idempotency(
        self, tmp_path: Path, codec: Codec, log: SqliteEventLog
    ) -> Iterator[SqliteIdempotency]:
        store = SqliteIdempotency(tmp_path / "log.db", log, codec.keyring)
        yield store
        store.close()

    async def test_commits_are_synced(self, log: SqliteEventLog) -> None:
        with log._recorder.datastore.transaction(commit=True) as c:  # noqa: SLF001
            c.execute("PRAGMA synchronous")
            assert c.fetchone()[0] == 2

    async def test_what_was_acknowledged_is_there_after_reopening(
        self, tmp_path: Path, codec: Codec, log: SqliteEventLog
    ) -> None:
        tweet = facts.tweet("ada")
        await log.publish([tweet])

        reopened = SqliteEventLog(tmp_path / "log.db", codec, now_ms=wall_clock_ms)

        found = await reopened.latest(tweet.stream)
        reopened.close()
        assert found is not None
        assert found.event == tweet

    async def test_personal_words_are_nowhere_in_the_file(
        self, tmp_path: Path, log: SqliteEventLog
    ) -> None:
        await log.publish([facts.tweet("ada", "an unmistakable confession")])

        assert not shows(tmp_path, b"unmistakable")

    async def test_kept_answers_are_sealed_too(self, tmp_path: Path, log: SqliteEventLog) -> None:
        answer = Answer(201, b'{"text":"an unmistakable confession"}')

        await log.publish([facts.tweet("ada")], receipt=Receipt("7", "key", b"print", answer))

        assert not shows(tmp_path, b"unmistakable")

    async def test_answers_are_forgotten_after_two_days_but_imports_never(
        self, tmp_path: Path, codec: Codec
    ) -> None:
        now = [wall_clock_ms()]
        log = SqliteEventLog(tmp_path / "aging.db", codec, now_ms=lambda: now[0])
        store = SqliteIdempotency(tmp_path / "aging.db", log, codec.keyring)
        for scope in ("7", "import/higgs"):
            await log.keep(Receipt(scope, "key", b"print", Answer(204)))

        now[0] += KEPT_MS + FORGET_EVERY_MS
        await log.publish([facts.tweet("ada")])
        await log.publish([facts.tweet("ada")])

        assert isinstance(await store.claim("7", "key", b"print"), Claimed)
        assert isinstance(await store.claim("import/higgs", "key", b"print"), Answered)
        store.close()
        log.close()


class TestSqliteFeed:
    async def test_reads_the_same_from_memory_and_from_the_file(
        self, tmp_path: Path, codec: Codec
    ) -> None:
        path = tmp_path / "log.db"
        GroupRecorder(path).create_table()
        live = SqliteFeed(path, codec)
        log = SqliteEventLog(path, codec, on_commit=[live.committed], now_ms=wall_clock_ms)
        for n in range(25):
            await log.publish([facts.tweet("ada", f"number {n}")])

        from_file = SqliteFeed(path, codec)

        for after in (0, 7, 24, 25):
            assert list(await live.read(0, after, 10)) == list(await from_file.read(0, after, 10))
        assert [r.position for r in await live.read(0, 20, 10)] == [21, 22, 23, 24, 25]
        log.close()

    async def test_an_unknown_type_and_garbage_are_told_apart(
        self, tmp_path: Path, codec: Codec
    ) -> None:
        path = tmp_path / "log.db"
        recorder = GroupRecorder(path)
        recorder.create_table()
        with recorder.datastore.transaction(commit=True) as c:
            c.execute("INSERT INTO stored_events VALUES ('a', 1, 'tweet.pinned.v1', x'9380c0c0')")
            c.execute("INSERT INTO stored_events VALUES ('b', 1, 'tweet.posted.v1', x'93')")

        fed = await SqliteFeed(path, codec).read(0, 0, 10)

        assert [not isinstance(f, Recorded) and f.unknown_type for f in fed] == [True, False]


_numbers = count(1)


class _OnAFile(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self._threads_before = set(threading.enumerate())
        self._folder = TemporaryDirectory()
        self.recorder = GroupRecorder(Path(self._folder.name) / "log.db")
        self.recorder.create_table()

    def tearDown(self) -> None:
        # One of the cases leaves threads that read, and SQLite dies of a connection that is closed
        # under a statement.
        for thread in set(threading.enumerate()) - self._threads_before:
            thread.join()
        self.recorder.datastore.close()
        self._folder.cleanup()
        super().tearDown()

    def create_recorder(self) -> GroupRecorder:
        return self.recorder

    def new_originator_id(self) -> str:
        return f"stream/{next(_numbers)}"


class TestLibrarysApplicationCases(_OnAFile, ApplicationRecorderTestCase[GroupRecorder]):
    pass


class TestLibrarysNonInterleavingCases(_OnAFile, NonInterleavingNotificationIDsBaseCase):
    pass


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase, _OnAFile


async def test_commands_beyond_those_that_may_wait_are_turned_away(
    tmp_path: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "WAITING_MAX", 3)
    committing, free = threading.Event(), threading.Event()

    def hold(_group: Sequence[Recorded]) -> None:
        committing.set()
        free.wait(60)

    log = SqliteEventLog(tmp_path / "log.db", codec, now_ms=wall_clock_ms, on_commit=(hold,))

    async def publish() -> None:
        await log.publish([facts.liked("bob", facts.tweet("ada"))])

    accepted = [asyncio.create_task(publish())]
    assert await asyncio.to_thread(committing.wait, 60)
    accepted += [asyncio.create_task(publish()) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="Too many"):
        await publish()
    free.set()
    await asyncio.gather(*accepted)
    log.close()


@contextmanager
def no_file_may_grow_beyond(size: int) -> Iterator[None]:
    """Whatever this process writes behind so many bytes of a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_log_that_could_not_be_written_is_tried_again_unasked(
    tmp_path: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "TRY_AGAIN_S", 0.01)
    tried, mended = threading.Semaphore(0), threading.Event()
    commit_nothing = GroupRecorder.commit_nothing

    def watched(recorder: GroupRecorder) -> None:
        try:
            commit_nothing(recorder)
        finally:
            tried.release()

    monkeypatch.setattr(GroupRecorder, "commit_nothing", watched)
    monkeypatch.setattr(event_log.log, "warning", lambda *_: mended.set())
    log = SqliteEventLog(tmp_path / "log.db", codec, now_ms=wall_clock_ms)
    await log.publish([facts.tweet("ada")])
    size = (tmp_path / "log.db-wal").stat().st_size

    with no_file_may_grow_beyond(size):
        with pytest.raises(Unavailable, match="cannot be written"):
            await log.publish([facts.tweet("ada")])
        assert all([await asyncio.to_thread(tried.acquire, timeout=60) for _ in range(2)])
        assert (log.writable, mended.is_set()) == (False, False)

    assert await asyncio.to_thread(mended.wait, 60)
    assert (log.writable, log.head) == (True, 1)
    log.close()
