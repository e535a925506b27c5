"""Home timelines in SQLite: pushed to readers seen lately, pulled for the rest.

`home_schema` has the tables, `home_ready` what is pushed, `home_fan_out` the write side,
`home_pages` the read side.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from domain.ids import AccountId, PostId
from infra.sqlite.home_fan_out import FanOut
from infra.sqlite.home_pages import HomePages
from infra.sqlite.home_places import find_places
from infra.sqlite.home_ready import ReadyHomes
from infra.sqlite.home_schema import SCHEMA, STATEMENTS
from infra.sqlite.home_visits import Visits
from infra.sqlite.projection_file import ProjectionFile
from projections.home_timelines import Operation, Whereabouts
from projections.items import Item
from projections.projection import StoreUnavailable
from projections.windows import Window

DEPTH: Final = 400
ACTIVE_DAYS: Final = 14
_DAY_MS: Final = 86_400_000


class SqliteHomeTimelines:
    """Implements `projections.home_timelines.HomeTimelines`, and says there what it takes."""

    def __init__(
        self,
        path: Path,
        *,
        threshold: float,
        now_ms: Callable[[], int],
        depth: int = DEPTH,
        active_days: int = ACTIVE_DAYS,
    ) -> None:
        self._now_ms = now_ms
        self._active_ms = active_days * _DAY_MS
        self._ready = ReadyHomes(depth)
        self._fan_out = FanOut(self._ready, threshold=threshold)
        self._file = ProjectionFile(path, SCHEMA, STATEMENTS)
        self._pages = HomePages(self._file, self._ready)
        with self._file.writing() as writer:
            self._fan_out.watch(writer)
            self._fan_out.adopt_threshold(writer)
        self._visits = Visits(self._keep_ready)

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        try:
            with self._file.applying(operations, checkpoint) as writer:
                self._ready.expire(self._now_ms() - self._active_ms)
                self._fan_out.follow(writer, operations)
        except BaseException:
            self._fan_out.undo(operations)
            raise

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def page(self, reader_id: AccountId, window: Window, limit: int) -> Sequence[Item]:
        """See `HomeTimelines.page`."""
        home = self._ready.get(reader_id)
        if home is None:
            self._visits.note(reader_id)
        else:
            home.last_read_ms = self._now_ms()
        return self._pages.read(reader_id, window, limit)

    async def find(self, reader_id: AccountId, post_id: PostId) -> Whereabouts:
        """See `HomeTimelines.find`."""
        return find_places(self._file.reader, self._ready, reader_id, post_id)

    async def evict(self, reader_ids: Sequence[AccountId]) -> None:
        """See `HomeTimelines.evict`."""
        with self._file.writing():
            self._ready.evict(reader_ids)

    @property
    def kept_ready(self) -> Mapping[AccountId, int]:
        """How many items are kept ready, by reader."""
        return self._ready.sizes

    def wait_for_rebuilds(self) -> None:
        """Return when every reader who read before is kept ready."""
        self._visits.wait()

    def close(self) -> None:
        """Close all connections."""
        self._visits.close()
        self._file.close()

    def _keep_ready(self, reader_ids: Sequence[AccountId]) -> None:
        try:
            with self._file.writing() as writer:
                for reader_id in reader_ids:
                    if self._ready.get(reader_id) is None:
                        self._fan_out.rebuild(writer, reader_id, self._now_ms())
        except StoreUnavailable:
            # They are served by pulling; their next reads ask again.
            return
