"""`eventsourcing`'s own projections on SQLite: its runner, its mapper, a view in its manner.

The library has subscriptions for other databases only; what it does for these, it does here on
SQLite by its own class: nothing of ours is between the log and the view but the view's one INSERT.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from eventsourcing import sqlite
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import ListenNotifySubscription, Tracking
from eventsourcing.projection import Projection, ProjectionRunner


@dataclass(frozen=True, kw_only=True)
class Posted(DomainEvent):
    """A post, as far as the view wants it."""

    post_id: int
    author_id: int
    text: str


class Recorder(sqlite.SQLiteApplicationRecorder):
    """One that can be subscribed to; what comes later is not waited for."""

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Any:
        return ListenNotifySubscription(recorder=self, gt=gt, topics=topics)


class Factory(sqlite.SQLiteFactory):
    application_recorder_class = Recorder


class PostsView(sqlite.SQLiteTrackingRecorder):
    """Posts by author; the position in the same transaction."""

    def construct_create_table_statements(self) -> list[str]:
        table = "CREATE TABLE IF NOT EXISTS posts (author_id INTEGER, post_id INTEGER, "
        return [
            *super().construct_create_table_statements(),
            table + "PRIMARY KEY (author_id, post_id)) WITHOUT ROWID",
        ]

    def add(self, posted: Posted, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._add(cursor, posted)
            self._insert_tracking(cursor, tracking)

    def _add(self, cursor: sqlite.SQLiteCursor, posted: Posted) -> None:
        row = (posted.author_id, posted.post_id)
        cursor.execute("INSERT OR IGNORE INTO posts VALUES (?, ?)", row)


class PostsProjection(Projection[PostsView]):
    name = "posts"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.add(domain_event, tracking)


def env_of(path: str) -> dict[str, str]:
    """Log and view are files of their own, as ours."""
    return {
        "PERSISTENCE_MODULE": __name__,
        "SQLITE_DBNAME": f"{path}.log",
        "POSTS_SQLITE_DBNAME": f"{path}.view",
    }


def fill(path: str, posts: Sequence[tuple[int, int, str]]) -> None:
    """A log of these events."""
    app: Application[Any] = Application(env_of(path))
    stored = [
        app.mapper.to_stored_event(
            Posted(
                originator_id=uuid5(NAMESPACE_URL, str(post_id)),
                originator_version=1,
                timestamp=Posted.create_timestamp(),
                post_id=post_id,
                author_id=author_id,
                text=text,
            )
        )
        for post_id, author_id, text in posts
    ]
    for first in range(0, len(stored), 1_000):
        app.recorder.insert_events(stored[first : first + 1_000])
    app.close()


def project(path: str, events: int, timeout_s: float) -> None:
    """Return once the view has them all."""
    with ProjectionRunner(
        application_class=Application[Any],
        projection_class=PostsProjection,
        view_class=PostsView,
        env=env_of(path),
    ) as runner:
        runner.wait(events, timeout_s)
