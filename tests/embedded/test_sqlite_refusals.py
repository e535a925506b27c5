"""Refusals beside the SQLite log: exact at once, after a restart, and after a crash between."""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    AccountBlocked,
    AccountMuted,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    Recorded,
)
from domain.ids import AccountId
from infra.sqlite import connections
from infra.sqlite.event_log import SqliteEventLog
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.recorder import create_log
from infra.sqlite.refusals import EVENTS_BETWEEN_CHECKPOINTS, SqliteRefusals
from infra.stamps import wall_clock_ms
from streams.envelope import Codec
from tests import facts
from tests.contract.refusals_contract import (
    ADA,
    BOB,
    CLEO,
    PlainRefusals,
    RefusalsContract,
    view,
    write,
)
from tests.histories import histories


class Installation:
    """A folder with a log and its refusals, opened anew as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keyring = SqliteKeyring(folder / "keys.db")
        self._codec = Codec(self._keyring)
        self.close = self._keyring.close
        create_log(folder / "log.db")

    @property
    def refusals_path(self) -> Path:
        return self._folder / "refusals.db"

    @contextmanager
    def refusals(self, kind: type[SqliteRefusals] = SqliteRefusals) -> Iterator[SqliteRefusals]:
        with closing(SqliteFeed(self._folder / "log.db", self._codec)) as feed:
            refusals = kind(self.refusals_path)
            refusals.catch_up(feed)
        with closing(refusals):
            yield refusals

    @contextmanager
    def log(self, *told: SqliteRefusals) -> Iterator[SqliteEventLog]:
        """The log; without `told` its process dies before the refusals hear of anything."""
        log = SqliteEventLog(
            self._folder / "log.db",
            self._codec,
            on_commit=[refusals.committed for refusals in told],
            now_ms=wall_clock_ms,
        )
        with closing(log):
            yield log


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with closing(Installation(tmp_path)) as installation:
        yield installation


class TestSqliteRefusals(RefusalsContract):
    @pytest.fixture
    def refusals(self, installation: Installation) -> Iterator[SqliteRefusals]:
        with installation.refusals() as refusals:
            yield refusals

    @pytest.fixture
    def log(self, installation: Installation, refusals: SqliteRefusals) -> Iterator[SqliteEventLog]:
        with installation.log(refusals) as log:
            yield log

    async def test_a_restart_forgets_nothing(self, installation: Installation) -> None:
        past = facts.Log()
        with installation.refusals() as refusals, installation.log(refusals) as log:
            await write(log, past.relate(AccountBlocked, "ada", "bob"))

        with installation.refusals() as reopened:
            assert reopened.blocked_with(BOB) == {ADA}

    async def test_what_the_log_has_and_the_file_has_not_is_caught_up_at_start(
        self, installation: Installation
    ) -> None:
        past = facts.Log()
        with installation.refusals() as refusals, installation.log(refusals) as log:
            await write(log, past.relate(AccountBlocked, "ada", "bob"))
        with installation.log() as log:
            await write(log, past.relate(AccountUnblocked, "ada", "bob"))
            await write(log, past.relate(AccountMuted, "cleo", "ada"))

        with installation.refusals() as reopened:
            assert reopened.blocked_with(ADA) == frozenset()
            assert reopened.muted_by(CLEO) == {ADA}

    async def test_what_the_file_cannot_take_is_refused_all_the_same(
        self, installation: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "LOCK_WAIT_S", 0.0)
        past = facts.Log()
        with installation.refusals() as refusals, installation.log(refusals) as log:
            await write(log, past.relate(AccountBlocked, "ada", "bob"))
            with closing(sqlite3.connect(installation.refusals_path)) as other_program:
                other_program.execute("BEGIN EXCLUSIVE")
                await write(log, past.relate(AccountUnblocked, "ada", "bob"))
                await write(log, past.relate(AccountBlocked, "ada", "cleo"))
                while_locked = refusals.blocked_with(ADA)
            await write(log, past.relate(AccountMuted, "bob", "cleo"))

            assert while_locked == {CLEO}
            assert refusals.blocked_with(ADA) == {CLEO}
        with installation.refusals() as reopened:
            assert reopened.blocked_with(ADA) == {CLEO}
            assert reopened.muted_by(BOB) == {CLEO}

    def test_events_that_refuse_nothing_bring_the_file_forward_now_and_then(
        self, installation: Installation
    ) -> None:
        tweet = facts.tweet("ada")

        def position() -> int:
            with closing(sqlite3.connect(installation.refusals_path)) as file:
                return int(file.execute("SELECT position FROM checkpoints").fetchone()[0])

        with installation.refusals() as refusals:
            refusals.committed([Recorded(tweet, tweet.event_id, EVENTS_BETWEEN_CHECKPOINTS - 1)])
            assert position() == 0
            refusals.committed([Recorded(tweet, tweet.event_id, EVENTS_BETWEEN_CHECKPOINTS)])
            assert position() == EVENTS_BETWEEN_CHECKPOINTS

    def test_what_is_enforced_at_once_outlives_what_it_overtook(
        self, installation: Installation
    ) -> None:
        past = facts.Log()
        (blocked,) = past.relate(AccountBlocked, "ada", "bob")
        (unblocked,) = past.relate(AccountUnblocked, "ada", "bob")
        suspended = Recorded(_suspension(AccountSuspended), 1, 1)
        reinstated = Recorded(_suspension(AccountReinstated), 2, 2)
        with installation.refusals() as refusals:
            refusals.enforce([unblocked, reinstated])
            refusals.committed([blocked, suspended])

            assert refusals.blocked_with(ADA) == frozenset()
            assert not refusals.suspended(ADA)
            assert refusals.reached == {0: suspended.position}

    async def test_any_thread_may_ask(self, log: SqliteEventLog, refusals: SqliteRefusals) -> None:
        past = facts.Log()
        for fact, expected in ((AccountBlocked, {BOB}), (AccountUnblocked, frozenset())):
            await write(log, past.relate(fact, "ada", "bob"))

            assert await asyncio.to_thread(refusals.blocked_with, ADA) == expected
            assert refusals.blocked_with(ADA) == expected

    def test_what_changes_while_it_is_looked_up_is_not_overlooked_afterwards(
        self, installation: Installation
    ) -> None:
        (blocked,) = facts.Log().relate(AccountBlocked, "ada", "bob")

        class Interrupted(SqliteRefusals):
            def _load(self, reader_id: AccountId, unwritten: Iterable[Any]) -> Any:
                loaded = super()._load(reader_id, unwritten)
                self.committed([blocked])
                return loaded

        with installation.refusals(Interrupted) as refusals:
            refusals.blocked_with(ADA)

            assert refusals.blocked_with(ADA) == {BOB}


def _suspension(kind: type[AccountSuspended | AccountReinstated]) -> Any:
    return kind(event_id=facts.event_id(), actor_id=facts.account("hal"), account_id=ADA)


@settings(max_examples=60)
@given(
    history=histories(max_steps=80, min_steps=0),
    cuts=st.lists(st.integers(0, 90), max_size=2),
    unheard=st.integers(0, 2),
)
def test_whenever_a_process_ends_the_next_one_knows_everything(
    history: Sequence[Recorded], cuts: Sequence[int], unheard: int
) -> None:
    """Each life writes a part of the history; life `unheard` ends before the refusals hear."""
    bounds = [0, *sorted(min(cut, len(history)) for cut in cuts), len(history)]

    async def live(installation: Installation) -> None:
        for life, (start, end) in enumerate(pairwise(bounds)):
            with installation.refusals() as refusals:
                known = history[:start]
                assert view(refusals, known) == view(PlainRefusals(known), known)
                told = () if life == unheard else (refusals,)
                with installation.log(*told) as log:
                    await write(log, history[start:end])
                if told:
                    known = history[:end]
                    assert view(refusals, known) == view(PlainRefusals(known), known)
        with installation.refusals() as refusals:
            assert view(refusals, history) == view(PlainRefusals(history), history)

    with TemporaryDirectory() as folder, closing(Installation(Path(folder))) as installation:
        asyncio.run(live(installation))
