"""What the embedded profile keeps of people: files, all of them in its folder."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from commands.ports import Handles
from domain.errors import Unavailable
from domain.events import Recorded
from infra.folder import LOG_FILE, DataFolder, projection_file, remove_store
from infra.importing import forgetting
from infra.profiles.embedded_generations import EmbeddedGenerations
from infra.remains import Person
from infra.sqlite.compacting import LEFT_OVER, compact, delete
from infra.sqlite.feed import PARTITION, SqliteFeed
from projections.projection import Store, StoreUnavailable
from streams.envelope import Codec
from streams.feed import Fed
from streams.registry import BY_NAME

# What happens between two batches of the log is other work of the process.
BATCH: Final = 500
TRIES_MAX: Final = 200
RETRY_S: Final = 0.05
# Everything but the log, where a position is a row's own number, and what has nobody in it.
REWRITTEN: Final = ("keys.db", "identity.db", "refusals.db", "dead_letters.db")
_RECEIPTS: Final = "DELETE FROM receipts WHERE scope IN (?, ?)"
_FILE: Final = re.compile(r"[a-z_]+\.v[0-9]+\.g[0-9]+\.db")


class EmbeddedRemains:
    """Implements `infra.remains.Remains`."""

    def __init__(
        self, folder: DataFolder, generations: EmbeddedGenerations, handles: Handles
    ) -> None:
        self._folder = folder
        self._generations = generations
        self._handles = handles

    async def log(self, codec: Codec) -> AsyncIterator[Sequence[Fed]]:
        """See `Remains.log`."""
        with closing(SqliteFeed(self._folder.file(LOG_FILE), codec)) as feed:
            async for batch in batches_of(feed):
                yield batch

    async def purge(self, closed: Recorded) -> None:
        """See `Remains.purge`: also generations that are being built, or were live before."""
        for one in self._generations.every():
            with self._generations.store_of(one) as store:
                await _apply(store, BY_NAME[one.projection].project([closed]))
        # Its stores may have kept what they read.
        await self._generations.past_changed()

    async def forget(self, person: Person) -> Mapping[str, int]:
        """See `Remains.forget`. Files are written anew, so that they do not have it between
        their rows either."""
        return await asyncio.to_thread(self._forget, person)

    def _forget(self, person: Person) -> Mapping[str, int]:
        scopes = (str(person.account_id), f"handle:{person.handle_key}")
        receipts = delete(self._folder.file(LOG_FILE), _RECEIPTS, scopes)
        rejects = forgetting.forget(
            self._folder.file("imports"),
            self._handles,
            handle=person.handle,
            source=person.source,
        )
        stale = self._remove_stale()
        for path, statements in self._rewritten():
            compact(path, statements)
        return {"idempotency_keys": receipts, "rejected_lines": rejects, "stale_files": stale}

    def _rewritten(self) -> Iterator[tuple[Path, Sequence[str]]]:
        for name in REWRITTEN:
            if self._folder.file(name).exists():
                yield self._folder.file(name), ()
        for path in self._projection_files():
            yield path, LEFT_OVER.get(path.name.partition(".")[0], ())

    def _remove_stale(self) -> int:
        """Remove files that no generation has: they were left by another version of a projection
        and nothing follows the log with them. How many."""
        known = {self._folder.projection(*one[:3]) for one in self._generations.every()}
        stale = [path for path in self._projection_files() if path not in known]
        for path in stale:
            remove_store(path)
        return len(stale)

    def _projection_files(self) -> list[Path]:
        folder = projection_file(self._folder.path, "any", 1, 1).parent
        return [path for path in sorted(folder.iterdir()) if _FILE.fullmatch(path.name)]


async def batches_of(feed: SqliteFeed) -> AsyncIterator[Sequence[Fed]]:
    """The whole log as it was when the feed was opened."""
    position = 0
    while batch := await feed.read(PARTITION, position, BATCH):
        yield batch
        position = batch[-1].position
        await asyncio.sleep(0)


async def _apply(store: Store[Any], operations: Sequence[Any]) -> None:
    """On a thread: a closing may touch as much as the person did. The files are shared with who
    follows the log, and with a replay in another process."""
    for _ in range(TRIES_MAX):
        try:
            await asyncio.to_thread(asyncio.run, store.apply(operations, {}))
        except StoreUnavailable:
            await asyncio.sleep(RETRY_S)
        else:
            return
    raise Unavailable("A projection's file cannot be written")
