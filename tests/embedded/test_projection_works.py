"""Works on projections that an administrator asks a running server for, over HTTP."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from commands.ports import Steer
from infra.projection_works import ProjectionWorks
from infra.settings import Settings, environ_of, load
from tests.blackbox.client import Api, Person, expect, problem
from tests.blackbox.server import serving

# Most works start the program.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "notifications"
ADMIN = "/v1/admin/projections"


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    with (
        serving(tmp_path_factory.mktemp("works") / "data") as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        api = Api(http)
        ada, bob = api.person(), api.person("the_admin")
        bob.react("like", ada.tweet("hello"))
        assert server.command("admin", "grant", "the_admin").returncode == 0
        bob.sign_in()
        yield bob


def item(admin: Person) -> dict[str, Any]:
    (found,) = [one for one in admin.items(ADMIN) if one["name"] == NAME]
    return found


def asked(admin: Person, work: str, **part: str) -> dict[str, Any]:
    """What came of a work, when it is over."""
    expect(admin.post(f"{ADMIN}/{NAME}/{work}", json={"reason": "a test", **part}), 202)
    pause = threading.Event()
    for _ in range(1_200):
        found = item(admin)
        assert found["work"]["work"] == work
        if found["work"]["state"] != "running":
            return found
        pause.wait(0.1)
    raise AssertionError(f"{work} does not end")


def test_a_projection_is_built_swapped_rolled_back_and_verified_over_http(admin: Person) -> None:
    problem(admin.post(f"{ADMIN}/{NAME}/swap"), 404, "not-found")

    replayed = asked(admin, "replay")
    swapped = asked(admin, "swap")
    rolled_back = asked(admin, "rollback")
    verified = asked(admin, "verify")
    repaired = asked(admin, "repair")
    reapplied = asked(admin, "reapply", account_id=admin.id)

    works = (replayed, swapped, rolled_back, verified, repaired, reapplied)
    assert [one["work"]["state"] for one in works] == ["done"] * len(works)
    assert "generation 2 built" in replayed["work"]["told"]
    assert [one["generation"] for one in (replayed, swapped, rolled_back)] == [1, 2, 1]
    assert verified["work"]["told"].startswith(f"{NAME}: equal: ")
    assert repaired["work"]["told"].startswith(f"{NAME}: equal: ")
    assert "applied again to generation 1" in reapplied["work"]["told"]


def test_one_work_at_a_time(admin: Person) -> None:
    # So slow that it does not come to its end by itself.
    slow = {"reason": "a test", "events_per_second": 0.01}
    expect(admin.post(f"{ADMIN}/{NAME}/replay", json=slow), 202)

    problem(admin.post(f"{ADMIN}/{NAME}/verify"), 409, "conflict")
    problem(admin.post(f"{ADMIN}/nonsense/replay"), 404, "not-found")
    expect(admin.post(f"{ADMIN}/trends/verify"), 202)


async def test_a_work_ends_with_its_server(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "nothing"))
    works = ProjectionWorks(settings, generations=Unasked(), names=(NAME,))

    async with works.running():
        await works.begin(NAME, "verify")
        assert works.newest()[NAME].state == "running"

    assert not (tmp_path / "nothing").exists()


class Unasked:
    """No generation is ever asked for."""

    def number(self, name: str) -> int:
        raise NotImplementedError

    async def adopt(self, name: str) -> Any:
        raise NotImplementedError

    async def rollback(self, name: str) -> Any:
        raise NotImplementedError

    async def prune(self, name: str) -> Any:
        raise NotImplementedError

    async def steer(
        self, name: str, how: Steer, per_s_max: float | None = None, number: int | None = None
    ) -> Any:
        raise NotImplementedError

    async def apply_again(self, name: str, number: int, positions: Sequence[int]) -> Any:
        raise NotImplementedError


def test_a_program_that_is_started_has_the_same_settings() -> None:
    settings = Settings(data="elsewhere", rate_limits="off", partitions="3")

    assert load(environ_of(settings))[0] == settings
