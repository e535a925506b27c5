"""Home timelines in SQLite keep the contract, and stay small."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from domain.events import AccountMuted, AccountUnfollowed, RelationshipFact
from infra.sqlite.home_timelines import SqliteHomeTimelines
from projections.windows import Window
from tests import facts
from tests.contract.home_timelines_contract import (
    ADA,
    CLEO,
    HomeTimelinesContract,
    Opened,
    be_kept_ready,
    follow,
    happen,
    relate,
)
from tests.facts import tweet

DAY_MS = 86_400_000


class OpenedFile:
    """A store on a file; the clock stands still unless it is told to go on."""

    def __init__(self, path: Path, *, threshold: float, depth: int) -> None:
        self.path = path
        self._depth = depth
        self._now_ms = facts.NOON_MS
        self.store = self._open(threshold)

    async def reopen(self, threshold: float) -> None:
        self.store.close()
        self.store = self._open(threshold)

    async def settle(self) -> None:
        self.store.wait_for_rebuilds()

    async def pass_days(self, days: int) -> None:
        self._now_ms += days * DAY_MS

    def _open(self, threshold: float) -> SqliteHomeTimelines:
        return SqliteHomeTimelines(
            self.path, threshold=threshold, depth=self._depth, now_ms=lambda: self._now_ms
        )


@asynccontextmanager
async def opened_file(*, threshold: float, depth: int) -> AsyncIterator[OpenedFile]:
    with TemporaryDirectory() as folder:
        file = OpenedFile(Path(folder) / "home.db", threshold=threshold, depth=depth)
        try:
            yield file
        finally:
            file.store.close()


class TestSqliteHomeTimelines(HomeTimelinesContract):
    def opened(
        self, *, threshold: float = math.inf, depth: int = 800
    ) -> AbstractAsyncContextManager[Opened]:
        return opened_file(threshold=threshold, depth=depth)

    async def test_only_readers_who_were_seen_are_pushed_to(self) -> None:
        async with opened_file(threshold=math.inf, depth=800) as file:
            log = facts.Log()
            await follow(file, log, "ada", "bob")
            await happen(file, log, tweet("bob"))
            unseen = file.store.kept_ready
            await be_kept_ready(file, ADA)

            await happen(file, log, tweet("bob"))

            assert (unseen, file.store.kept_ready) == ({}, {ADA: 2})

    async def test_posts_of_large_authors_are_not_pushed(self) -> None:
        async with opened_file(threshold=1, depth=800) as file:
            log = facts.Log()
            await follow(file, log, "ada", "bob")
            await be_kept_ready(file, ADA)

            await happen(file, log, tweet("bob"), tweet("ada"))

            assert file.store.kept_ready == {ADA: 1}

    @pytest.mark.parametrize("turn", [AccountUnfollowed, AccountMuted])
    async def test_who_takes_somebody_out_of_their_home_is_kept_ready_anew(
        self, turn: type[RelationshipFact]
    ) -> None:
        async with opened_file(threshold=math.inf, depth=800) as file:
            log = facts.Log()
            await follow(file, log, "ada", "bob")
            await happen(file, log, tweet("bob"))
            for reader in (ADA, CLEO):
                await be_kept_ready(file, reader)

            await relate(file, log, turn, "ada", "bob")

            assert file.store.kept_ready.keys() == {CLEO}
            for _ in range(2):
                assert await file.store.page(ADA, Window(), 10) == []
                await file.settle()
            assert file.store.kept_ready.keys() == {ADA, CLEO}

    async def test_what_is_kept_ready_is_bounded(self) -> None:
        async with opened_file(threshold=math.inf, depth=8) as file:
            log = facts.Log()
            await follow(file, log, "ada", "bob")
            await follow(file, log, "cleo", "bob")
            for reader in (ADA, CLEO):
                await be_kept_ready(file, reader)

            for _ in range(100):
                await happen(file, log, tweet("bob"))

            assert file.store.kept_ready.keys() == {ADA, CLEO}
            assert max(file.store.kept_ready.values()) <= 8 + 2

    async def test_readers_who_stay_away_are_forgotten_and_others_are_not(self) -> None:
        async with opened_file(threshold=math.inf, depth=800) as file:
            log = facts.Log()
            await follow(file, log, "ada", "bob")
            await follow(file, log, "cleo", "bob")
            for reader in (ADA, CLEO):
                await be_kept_ready(file, reader)
            await happen(file, log, tweet("bob"))
            await file.pass_days(10)
            await be_kept_ready(file, ADA)
            await file.pass_days(10)

            await happen(file, log, tweet("bob"))

            assert file.store.kept_ready == {ADA: 2}

    async def test_a_page_read_while_batches_are_applied_has_no_gap(self) -> None:
        made = [tweet("bob") for _ in range(400)]
        ids = [post.post_id for post in made]
        async with opened_file(threshold=math.inf, depth=20) as file:
            log = facts.Log()
            await follow(file, log, "ada", "bob")

            async def post_all() -> None:
                for number, post in enumerate(made):
                    await happen(file, log, post)
                    if number % 25 == 0:
                        await file.store.evict([ADA])

            writer = threading.Thread(target=lambda: asyncio.run(post_all()))
            writer.start()
            pages = []
            while writer.is_alive():
                pages.append([item.post_id for item in await file.store.page(ADA, Window(), 30)])
            writer.join()

        for page in pages:
            newest = ids.index(page[0]) + 1 if page else 0
            assert page == ids[max(newest - 30, 0) : newest][::-1]
