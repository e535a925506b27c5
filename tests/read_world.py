"""The read API over real SQLite stores that hold what was recorded: people ask by name."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from domain.errors import NotSignedIn, ProjectionBehind, Suspended
from domain.events import Event, Recorded, RelationshipFact
from domain.positions import EMBEDDED_LOG, Vector
from infra.account_bodies import KeptBodies
from infra.as_of import OpenedMoments
from infra.generations import Generation, Reached, SideGeneration
from infra.live_hub import BOUNDS, Bounds, LiveHub
from infra.projection_status import LocalProjections, OneOwner
from infra.sqlite.account_directory import SqliteAccountDirectory
from infra.sqlite.author_timelines import SqliteAuthorTimelines
from infra.sqlite.conversations import SqliteConversations
from infra.sqlite.dead_letters import SqliteDeadLetters
from infra.sqlite.engagement import SqliteEngagement
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.follower_graph import SqliteFollowerGraph
from infra.sqlite.home_timelines import SqliteHomeTimelines
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.moderation import SqliteModeration
from infra.sqlite.notifications import SqliteNotifications
from infra.sqlite.post_cards import SqlitePostCards
from infra.sqlite.recorder import create_log
from infra.sqlite.refusals import SqliteRefusals
from infra.sqlite.search_index import SqliteSearchIndex
from infra.sqlite.trends import SqliteTrends
from projections.projection import Projection
from read_api.as_of import PastReads
from read_api.operations import Operations
from read_api.ports import WorkStatus
from read_api.routes import routes
from read_api.stream import PACE, Pace, Streaming
from read_api.views import Views
from streams.envelope import Codec
from streams.local_progress import LocalProgress
from streams.registry import BY_NAME, joined
from tests import facts
from tests.asgi import Answered, ask
from web.app import Edge, build
from web.limits import RateLimits
from web.routing import Identity

ADMIN: Final = "hal"
# An hour behind the last event that `facts` could make in one test run.
NOW_MS: Final = facts.NOON_MS + 30 * 86_400_000
Json = dict[str, Any]


@dataclass
class NamedPeople:
    """A token is a name; one person is the administrator. Who is in `refused` has no token any
    more, who is in `suspended` may do nothing."""

    refused: set[str] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)

    def verify(self, token: str) -> Identity:
        if token not in facts.NAMES or token in self.refused:
            raise NotSignedIn
        if token in self.suspended:
            raise Suspended
        scopes = frozenset({"admin"} if token == ADMIN else ())
        return Identity(facts.account(token), f"session of {token}", scopes)


class Applied:
    """Everything that was recorded is applied, unless a test holds the views back."""

    def __init__(self, log: facts.Log) -> None:
        self._log = log
        self.held_back = False
        self.waited_for: list[str] = []

    async def reached(self, projections: Sequence[str], vector: Vector, wait_s: float) -> None:
        self.waited_for += projections
        if self.held_back or vector.get(EMBEDDED_LOG, 0) > len(self._log.recorded):
            raise ProjectionBehind


class NotedWorks:
    """What was asked for: `noted`, by projection."""

    def __init__(self) -> None:
        self.noted: dict[str, WorkStatus] = {}

    def newest(self) -> Mapping[str, WorkStatus]:
        return self.noted


class NotedMoments:
    """The generations as of moments that there are, with their stores: as a test says."""

    def __init__(self) -> None:
        self.stores: list[tuple[SideGeneration, Any]] = []
        self.opened: list[str] = []
        self.closed: list[Any] = []

    def build(self, projection: str, moment: Reached, store: Any, *, whole: bool = True) -> None:
        """There is one more."""
        number = 2 + sum(one.build.projection == projection for one, _ in self.stores)
        build = Generation(projection, BY_NAME[projection].version, number, "as_of")
        self.stores.append((SideGeneration(build, moment, whole), store))

    async def every(self) -> Sequence[SideGeneration]:
        return [one for one, _ in self.stores]

    async def begin(self, projection: Projection, moment: Reached) -> SideGeneration:
        raise NotImplementedError

    async def finish(self, one: SideGeneration) -> None:
        raise NotImplementedError

    async def open(self, one: SideGeneration) -> Any:
        self.opened.append(one.build.projection)
        return next(store for side, store in self.stores if side == one)

    async def close(self, store: Any) -> None:
        self.closed.append(store)


class ReadWorld:
    """Everybody in `facts.NAMES` has an account. `given` records events and applies them to every
    view; `ask` is one request of a named person (None: without a token)."""

    def __init__(self, folder: Path, *, bounds: Bounds = BOUNDS, pace: Pace = PACE) -> None:
        self._opened = ExitStack()
        self.log = facts.Log()
        self.people = NamedPeople()
        self.applied = Applied(self.log)
        self.now_ms = NOW_MS
        self._open_log(folder)
        self.views = self._open_views(folder)
        self.views.bodies = KeptBodies(self.views, lambda: True)
        self._filled = joined(self.views)
        self.dead_letters = self._closing(SqliteDeadLetters(folder / "dead_letters.db"))
        self.progress = LocalProgress([projection.name for projection, _ in self._filled])
        self.works = NotedWorks()
        self.hub = LiveHub(self.feed, self.views, self.applied, bounds=bounds)
        projections = LocalProjections(
            [projection for projection, _ in self._filled],
            self.progress,
            self.feed,
            self.dead_letters,
            generation=lambda _: 1,
            now_ms=lambda: self.now_ms,
        )
        self.moments = NotedMoments()
        self.past = OpenedMoments(self.moments, self.views, self.moments.open, self.moments.close)
        streaming = Streaming(self.hub, self.applied, self.people, pace)
        owners = OneOwner(self.progress.names, lambda: True)
        known = Operations(projections, owners, self.dead_letters, self.works, self.past)
        self.routes = routes(self.views, streaming, known)
        past = PastReads(self.past, lambda views: routes(views, streaming, known))
        edge = Edge(self.people, self.applied, RateLimits(enabled=False), past=past)
        self.app = build(self.routes, edge)

    def close(self) -> None:
        self._opened.close()

    async def given(self, *events: Event) -> None:
        await self.take(self.log.record(*events))

    async def given_relation(self, fact: type[RelationshipFact], actor: str, target: str) -> None:
        await self.take(self.log.relate(fact, actor, target))

    async def given_people(self, *names: str) -> None:
        await self.given(*(facts.opened(name) for name in names or facts.NAMES))

    async def take(self, recorded: Sequence[Recorded]) -> None:
        """Apply what `log` recorded, and let the feed have it."""
        if not recorded:
            return
        self.refusals.committed(recorded)
        checkpoint = {0: recorded[-1].position}
        for projection, store in self._filled:
            wanted = [one for one in recorded if type(one.event) in projection.events]
            await store.apply(projection.project(wanted), checkpoint)
            self.progress.advance(projection.name, recorded[-1].position)
        self.feed.committed(recorded)

    async def ask(self, target: str, *, who: str | None = None, **headers: str) -> Answered:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if who is not None:
            named.append(("authorization", f"Bearer {who}"))
        return await ask(self.app, "GET", target, headers=named)

    async def read(self, target: str, *, who: str | None = None, **headers: str) -> Any:
        """The body of an answer that must be 200."""
        answered = await self.ask(target, who=who, **headers)
        assert answered.status == 200, answered.body
        return answered.json()

    async def walk(
        self, target: str, *, who: str | None = None, rel: str = "next", pages_max: int = 200
    ) -> list[Json]:
        """The pages that a list's Link header leads through, from `target` on."""
        pages: list[Json] = []
        following: str | None = target
        while following is not None:
            assert len(pages) < pages_max, "the list does not end"
            answered = await self.ask(following, who=who)
            assert answered.status == 200, answered.body
            pages.append(orjson.loads(answered.body))
            following = link_of(answered, rel)
        return pages

    def _open_log(self, folder: Path) -> None:
        create_log(folder / "log.db")
        keyring = self._closing(SqliteKeyring(folder / "keys.db"))
        self.feed = self._closing(SqliteFeed(folder / "log.db", Codec(keyring)))
        self.refusals = self._closing(SqliteRefusals(folder / "refusals.db"))
        self.refusals.catch_up(self.feed)

    def _open_views(self, folder: Path) -> Views:
        def now_ms() -> int:
            return self.now_ms

        homes = SqliteHomeTimelines(folder / "homes.db", threshold=3, now_ms=now_ms)
        return Views(
            post_cards=self._closing(SqlitePostCards(folder / "cards.db")),
            author_timelines=self._closing(SqliteAuthorTimelines(folder / "authors.db")),
            home_timelines=self._closing(homes),
            conversations=self._closing(SqliteConversations(folder / "conversations.db")),
            follower_graph=self._closing(SqliteFollowerGraph(folder / "graph.db")),
            search_index=self._closing(SqliteSearchIndex(folder / "search.db")),
            engagement=self._closing(SqliteEngagement(folder / "engagement.db")),
            trends=self._closing(SqliteTrends(folder / "trends.db")),
            notifications=self._closing(SqliteNotifications(folder / "notifications.db")),
            account_directory=self._closing(SqliteAccountDirectory(folder / "accounts.db")),
            moderation=self._closing(SqliteModeration(folder / "moderation.db")),
            refusals=self.refusals,
            now_ms=now_ms,
        )

    def _closing(self, part: Any) -> Any:
        self._opened.callback(part.close)
        return part


def link_of(answered: Answered, rel: str) -> str | None:
    """Where the Link header of that relation leads."""
    for link in answered.headers.get("link", "").split(", "):
        target, _, parameters = link.partition(">; ")
        if parameters == f'rel="{rel}"':
            return target.removeprefix("<")
    return None


def ids_of(page: Json, member: str = "items") -> list[int]:
    """The ids of a page's items, in order."""
    return [int(item["id"]) for item in page[member]]


def name_of(account_id: str) -> str:
    """Whose id it is."""
    (name,) = (name for name in facts.NAMES if str(facts.account(name)) == account_id)
    return name


def names_of(page: Json) -> list[str]:
    """The people that a page lists, in order."""
    return [name_of(item["id"]) for item in page["items"]]
