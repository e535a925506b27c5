"""A projection is added to a running system with history, and one gets another shape: the example
of docs/replay.md.

The new one counts posts by day. Below is all that it takes but the lines that enter it in the lists
of projections (`streams.registry`, `projections.stores`, `infra.profiles.embedded_stores`).
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import pytest

from domain.events import (
    Recorded,
    ReplyDeleted,
    ReplyPosted,
    TweetDeleted,
    TweetPosted,
)
from domain.ids import PostId, millis_of
from infra.folder import projection_file
from infra.profiles.embedded import Embedded
from infra.replaying import replay
from infra.settings import Settings
from infra.sqlite.generations import SqliteGenerations
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.projection import Projection, Store
from projections.trends import TRENDS
from streams.answers.fold import Fold
from streams.answers.keys import DAY_MS
from streams.answers.proof import Positions, verify
from streams.answers.questions import Answer, Question
from streams.pipeline import Pipeline
from streams.rebuild import rebuild
from tests import facts
from tests.contract.refusals_contract import write
from tests.verified_town import history

# --- projections/busy_days.py: operations, the port, the projector ---


class AddPost(NamedTuple):
    """A post of that day, unless it is dropped."""

    post_id: PostId
    day: int


class DropPost(NamedTuple):
    """A post is deleted: absorbing, also when it comes before the post."""

    post_id: PostId


class BusyDays(Store[AddPost | DropPost], Protocol):
    """Where posts are counted by day."""

    async def posts_on(self, day: int) -> int:
        """Posts of a day (whole ones since 1970) that are not deleted."""


def project(batch: Sequence[Recorded]) -> Sequence[AddPost | DropPost]:
    """The operations of a batch."""
    operations: list[AddPost | DropPost] = []
    for event, *_ in batch:
        match event:
            case TweetPosted() | ReplyPosted():
                operations.append(AddPost(event.post_id, millis_of(event.post_id) // DAY_MS))
            case TweetDeleted() | ReplyDeleted():
                operations.append(DropPost(event.post_id))
            case _:
                pass
    return operations


BUSY_DAYS: Final = Projection(
    name="busy_days",
    version=1,
    events=frozenset({TweetPosted, ReplyPosted, TweetDeleted, ReplyDeleted}),
    project=project,
)

# --- infra/sqlite/busy_days.py: schema, statements, queries ---

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS posts (post_id INTEGER PRIMARY KEY, day INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_day ON posts (day);
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY);
"""
STATEMENTS: Final[Statements] = {
    AddPost: (
        """INSERT OR IGNORE INTO posts SELECT ?1, ?2
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?1)""",
    ),
    DropPost: (
        "DELETE FROM posts WHERE post_id = ?",
        "INSERT OR IGNORE INTO dropped_posts VALUES (?)",
    ),
}


class SqliteBusyDays:
    """Implements `BusyDays`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, SCHEMA, STATEMENTS)
        self.close = self._file.close

    async def apply(
        self, operations: Sequence[AddPost | DropPost], checkpoint: Mapping[int, int]
    ) -> None:
        """See `Store.apply`."""
        self._file.apply(operations, checkpoint)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def posts_on(self, day: int) -> int:
        """See `BusyDays.posts_on`."""
        row = self._file.reader.execute("SELECT count(*) FROM posts WHERE day = ?", (day,))
        return int(row.fetchone()[0])


# --- streams/answers/questions.py: what a proof asks it ---


async def _posts_on(store: BusyDays, day: int) -> Answer:
    return {"posts": await store.posts_on(day)}


QUESTIONS: Final = (Question("day", _posts_on),)

# --- the running system ---


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Embedded]:
    """A system with a history, whose projections follow the log."""
    settings = Settings(data=str(tmp_path / "data"))
    with Embedded(settings, crashed=unexpected) as embedded:
        asyncio.run(write(embedded.log, history(100)))
        embedded.start()
        yield embedded


def unexpected(projection: str, error: BaseException) -> None:
    raise AssertionError(projection) from error


class Standing:
    """A view that nobody writes meanwhile."""

    def __init__(self, store: SqliteBusyDays) -> None:
        self.store = store

    async def renew(self) -> None:
        """There is nothing newer."""

    async def furthest(self) -> Positions:
        return await self.store.checkpoint()


async def test_a_projection_is_added_to_a_running_system_with_history(
    running: Embedded, tmp_path: Path
) -> None:
    head = running.log.head
    with (
        closing(SqliteBusyDays(tmp_path / "busy_days.db")) as store,
        closing(SqliteBusyDays(tmp_path / "fold.db")) as scratch,
    ):
        # It is filled beside the others, who do not notice.
        pipeline = Pipeline(BUSY_DAYS, store, running.dead_letters, stalled=lambda *_: None)
        await rebuild(pipeline, running.feed, {0: head}, report=lambda _: None)
        assert await store.checkpoint() == {0: head}

        # From here on it follows the log, as they do.
        followed = running.runner.follow(BUSY_DAYS, store, 1)
        news = [facts.tweet(name, "what is new") for name in facts.NAMES]
        await running.log.publish(news)
        await running.progress.caught_up(followed.status, running.log.head)
        assert await store.posts_on(millis_of(news[0].post_id) // DAY_MS) >= len(news)

        fold = Fold(BUSY_DAYS, scratch, running.feed, ["day"])
        verdict = await verify(
            BUSY_DAYS, Standing(store), fold, lambda _: None, questions=QUESTIONS
        )
        assert (verdict.different, verdict.undecided) == (0, [])
        assert verdict.keys > 0
        await running.runner.leave(store)


async def test_another_shape_is_filled_before_it_is_served(
    running: Embedded, tmp_path: Path
) -> None:
    folder = running.data_path
    reshaped = replace(TRENDS, version=TRENDS.version + 1)

    # `starling replay trends --no-swap`, by the new program beside the old one.
    filled = await replay(Settings(data=str(folder)), reshaped, lambda _: None)

    assert (filled.version, filled.number, filled.state) == (2, 1, "live")
    assert projection_file(folder, "trends", 2, 1).exists()
    with closing(SqliteGenerations(folder / "generations.db")) as known:
        assert known.live(reshaped).number == 1
        assert known.live(TRENDS) == known.of(TRENDS)[0]
    # A second time it is a build like any other, beside the one that may be served by now.
    again = await replay(Settings(data=str(folder)), reshaped, lambda _: None)
    assert (again.number, again.state) == (2, "building")
