"""Each projection's store in the embedded profile: one line for each."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.settings import Settings
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.sqlite.author_timelines import SqliteAuthorTimelines
from infra.sqlite.conversations import SqliteConversations
from infra.sqlite.engagement import SqliteEngagement
from infra.sqlite.follower_graph import SqliteFollowerGraph
from infra.sqlite.home_timelines import SqliteHomeTimelines
from infra.sqlite.moderation import SqliteModeration
from infra.sqlite.notifications import SqliteNotifications
from infra.sqlite.post_cards import SqlitePostCards
from infra.sqlite.search_index import SqliteSearchIndex
from infra.sqlite.trends import SqliteTrends
from projections.projection import Projection


class Surroundings(NamedTuple):
    """What a store depends on beside its file; `home_depth` in items."""

    settings: Settings
    now_ms: Callable[[], int]
    home_depth: int


def _home_timelines(path: Path, around: Surroundings) -> SqliteHomeTimelines:
    return SqliteHomeTimelines(
        path,
        threshold=around.settings.threshold,
        now_ms=around.now_ms,
        depth=around.home_depth,
    )


def _on(store: Callable[[Path], Any]) -> Callable[[Path, Surroundings], Any]:
    return lambda path, _around: store(path)


_MADE: Final[Mapping[str, Callable[[Path, Surroundings], Any]]] = {
    "post_cards": _on(SqlitePostCards),
    "author_timelines": _on(SqliteAuthorTimelines),
    "home_timelines": _home_timelines,
    "conversations": _on(SqliteConversations),
    "follower_graph": _on(SqliteFollowerGraph),
    "search_index": _on(SqliteSearchIndex),
    "engagement": _on(SqliteEngagement),
    "trends": _on(SqliteTrends),
    "notifications": _on(SqliteNotifications),
    "account_directory": _on(SqliteAccountDirectory),
    "moderation": _on(SqliteModeration),
}


def opened(projection: Projection, path: Path, around: Surroundings) -> Any:
    """The projection's store in a file, which is made if it is not there."""
    return _MADE[projection.name](path, around)
