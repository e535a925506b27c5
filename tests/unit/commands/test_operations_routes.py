"""What administrators ask of the projections."""

from dataclasses import dataclass, field

import httpx
import pytest

from commands import projection_routes
from commands.operations_routes import routes
from commands.ports import LogPart
from domain.errors import Conflict, NotFound
from domain.events import AdminActed
from domain.ids import AccountId
from tests import facts
from tests.acting import World
from tests.http_world import ADMIN, FakeAuthenticator, NothingToWaitFor
from web.app import Edge, build
from web.limits import RateLimits

LETTER = "/v1/admin/dead-letters/post_cards/0/17"


@dataclass
class OneLetter:
    """One event is parked; `asked` is what was wanted of it."""

    asked: list[str] = field(default_factory=list)

    async def request(self, projection: str, partition: int, position: int, request: str) -> bool:
        if (projection, partition, position) != ("post_cards", 0, 17):
            return False
        self.asked.append(request)
        return True

    async def retry_all(self, projection: str) -> int:
        if projection != "post_cards":
            return 0
        self.asked.append("retry all")
        return 1


@dataclass
class OneProjection:
    """Of the one projection that there is one work can be begun."""

    begun: list[tuple[str, str]] = field(default_factory=list)
    part: LogPart | None = None
    per_s_max: float | None = None
    as_of: str | None = None
    steered: str | None = None
    generation: int | None = None

    async def begin(
        self,
        projection: str,
        work: str,
        part: LogPart | None = None,
        per_s_max: float | None = None,
        as_of: str | None = None,
    ) -> None:
        if projection != "post_cards":
            raise NotFound
        if self.begun:
            raise Conflict
        self.begun.append((projection, work))
        self.part, self.per_s_max, self.as_of = part, per_s_max, as_of

    async def steer(
        self,
        projection: str,
        how: str,
        per_s_max: float | None = None,
        generation: int | None = None,
    ) -> None:
        if projection != "post_cards":
            raise Conflict
        self.steered, self.per_s_max, self.generation = how, per_s_max, generation


class Operating(World):
    """`post` is one request of a named person."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = OneLetter()
        edge = Edge(FakeAuthenticator(), NothingToWaitFor(), RateLimits(enabled=False))
        self.works = OneProjection()
        table = (
            *routes(self.ports, self.letters, {"post_cards", "trends"}),
            *projection_routes.routes(self.ports, self.works),
        )
        self._transport = httpx.ASGITransport(build(table, edge))

    async def post(
        self, path: str, body: object = None, *, who: str | None = ADMIN, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            named["authorization"] = f"Bearer {who}"
        async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as http:
            return await http.post(path, json=body, headers=named)


@pytest.mark.parametrize("request_", ["retry", "discard"])
async def test_a_dead_letter_is_asked_about_and_the_log_says_who_did(request_: str) -> None:
    world = Operating()

    answered = await world.post(f"{LETTER}/{request_}", {"reason": "fixed"})

    assert answered.status_code == 202
    assert world.letters.asked == [request_]
    (acted,) = world.news
    assert isinstance(acted, AdminActed)
    assert acted.actor_id == facts.account(ADMIN)
    assert (acted.action, acted.target, acted.reason) == (
        f"{request_}_dead_letter",
        "dead-letter/post_cards/0/17",
        "fixed",
    )
    assert "consistency-token" in answered.headers


async def test_all_of_a_projection_are_asked_about_and_the_log_says_who_did() -> None:
    world = Operating()

    answered = await world.post("/v1/admin/dead-letters/post_cards/retry", {"reason": "mended"})
    nothing = await world.post("/v1/admin/dead-letters/trends/retry")

    assert (answered.status_code, nothing.status_code) == (202, 202)
    assert world.letters.asked == ["retry all"]
    (acted,) = world.news
    assert isinstance(acted, AdminActed)
    assert (acted.action, acted.target, acted.reason) == (
        "retry_dead_letters",
        "dead-letters/post_cards",
        "mended",
    )


async def test_of_a_projection_that_there_is_not_nothing_is_retried() -> None:
    world = Operating()

    answered = await world.post("/v1/admin/dead-letters/other/retry")

    assert (answered.status_code, answered.json()["type"]) == (404, "/problems/not-found")
    assert (world.letters.asked, world.news) == ([], [])


async def test_the_reason_may_be_left_out() -> None:
    assert (await Operating().post(f"{LETTER}/retry")).status_code == 202


async def test_asking_again_with_the_same_key_asks_once() -> None:
    world = Operating()

    for _ in range(2):
        await world.post(f"{LETTER}/discard", idempotency_key="k")

    assert world.letters.asked == ["discard"]
    assert len(world.news) == 1


async def test_what_is_not_parked_is_404_and_nothing_is_recorded() -> None:
    world = Operating()

    for letter in (LETTER.replace("17", "18"), LETTER.replace("post_cards", "other")):
        assert (await world.post(f"{letter}/retry")).status_code == 404
    assert world.news == []


@pytest.mark.parametrize("work", ["replay", "swap", "rollback", "prune", "verify", "repair"])
async def test_a_work_on_a_projection_is_begun_and_the_log_says_who_asked(work: str) -> None:
    world = Operating()

    answered = await world.post(f"/v1/admin/projections/post_cards/{work}", {"reason": "new shape"})

    assert (answered.status_code, answered.content) == (202, b"")
    assert world.works.begun == [("post_cards", work)]
    (acted,) = world.news
    assert isinstance(acted, AdminActed)
    assert (acted.action, acted.target, acted.reason) == (
        f"{work}_projection",
        "projection/post_cards",
        "new shape",
    )


@pytest.mark.parametrize("how", ["pause", "resume", "cancel", "throttle"])
async def test_a_replay_is_told_and_the_log_says_who_told_it(how: str) -> None:
    world = Operating()
    pace = {"events_per_second": 50} if how == "throttle" else {}

    told = await world.post(f"/v1/admin/projections/post_cards/{how}", {"reason": "load", **pace})
    nothing = await world.post(f"/v1/admin/projections/trends/{how}")

    assert (told.status_code, nothing.status_code) == (202, 409)
    assert (world.works.steered, world.works.per_s_max) == (how, pace.get("events_per_second"))
    (acted,) = world.news
    assert isinstance(acted, AdminActed)
    assert (acted.action, acted.reason) == (f"{how}_replay", "load")


async def test_a_replay_may_have_a_pace() -> None:
    world = Operating()
    path = "/v1/admin/projections/post_cards/replay"

    refused = await world.post(path, {"events_per_second": 0})
    begun = await world.post(path, {"events_per_second": 2_000})

    assert (refused.status_code, begun.status_code) == (422, 202)
    assert world.works.per_s_max == 2_000


async def test_a_replay_may_be_as_of_a_moment() -> None:
    world = Operating()
    path = "/v1/admin/projections/post_cards/replay"

    refused = await world.post(path, {"as_of": "yesterday"})
    begun = await world.post(path, {"as_of": "2026-01-31T11:30:00+01:00"})

    assert (refused.status_code, begun.status_code) == (422, 202)
    assert world.works.as_of == "2026-01-31T10:30:00.000Z"


@pytest.mark.parametrize("how", ["pause", "resume", "cancel", "throttle"])
async def test_of_several_replays_the_one_of_a_generation_is_told(how: str) -> None:
    world = Operating()
    path = f"/v1/admin/projections/post_cards/{how}"

    refused = await world.post(path, {"generation": 0})
    told = await world.post(path, {"generation": 3})

    assert (refused.status_code, told.status_code) == (422, 202)
    assert (world.works.steered, world.works.generation) == (how, 3)


async def test_a_part_of_the_log_is_applied_again_and_the_log_says_who_asked() -> None:
    world = Operating()
    part = {"account_id": "12", "since": "2026-01-31T10:30:00Z", "partition": "new_tweet/0"}

    answered = await world.post("/v1/admin/projections/post_cards/reapply", part)

    assert answered.status_code == 202
    assert world.works.begun == [("post_cards", "reapply")]
    assert world.works.part == LogPart(
        account_id=AccountId(12), since="2026-01-31T10:30:00Z", partition="new_tweet/0"
    )
    (acted,) = world.news
    assert isinstance(acted, AdminActed)
    assert acted.action == "reapply_projection"


@pytest.mark.parametrize(
    "part", [{}, {"reason": "none"}, {"since": "yesterday"}, {"post_id": "x"}, {"partition": "--"}]
)
async def test_no_part_and_nonsense_are_refused(part: dict[str, str]) -> None:
    world = Operating()

    answered = await world.post("/v1/admin/projections/post_cards/reapply", part)

    assert answered.status_code == 422
    assert (world.works.begun, world.news) == ([], [])


async def test_a_work_that_cannot_be_begun_is_not_recorded() -> None:
    world = Operating()

    unknown = await world.post("/v1/admin/projections/other/verify")
    await world.post("/v1/admin/projections/post_cards/replay")
    busy = await world.post("/v1/admin/projections/post_cards/verify")

    assert (unknown.status_code, busy.status_code) == (404, 409)
    assert world.works.begun == [("post_cards", "replay")]
    assert len(world.news) == 1


async def test_only_administrators_may_ask() -> None:
    world = Operating()

    for path in (f"{LETTER}/retry", "/v1/admin/projections/post_cards/replay"):
        assert (await world.post(path, who="ada")).status_code == 403
        assert (await world.post(path, who=None)).status_code == 401
    assert (world.letters.asked, world.works.begun) == ([], [])
