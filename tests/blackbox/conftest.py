"""One server of each profile for all of these tests; each test has its own people on it.

On the cluster profile everything runs but what is about the embedded one: a module or test that is
marked `embedded`.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.blackbox.client import Api, Person
from tests.blackbox.server import Server, serving
from tests.cluster.local import FIRST_START_S
from tests.cluster.serving import on_engines

HERE = Path(__file__).parent
CLUSTER = "cluster"
# The first of them may be what waits for the engines' first download.
ON_ENGINES = (pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(FIRST_START_S))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is about the embedded profile alone is not asked of the other."""
    needless = [
        item
        for item in items
        if HERE in item.path.parents
        and item.get_closest_marker("embedded")
        and getattr(item, "callspec", None)
        and item.callspec.params.get("profile") == CLUSTER  # type: ignore[attr-defined]
    ]
    config.hook.pytest_deselected(items=needless)
    items[:] = [item for item in items if item not in needless]


@pytest.fixture(
    scope="package",
    params=["embedded", pytest.param(CLUSTER, marks=ON_ENGINES)],
)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="package")
def server(
    profile: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("blackbox")
    if profile == CLUSTER:
        with on_engines(request.getfixturevalue("cluster"), folder) as running:
            yield running
        return
    with serving(folder / "data") as running:
        yield running


@pytest.fixture(scope="package")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="package")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture
def api(http: httpx.Client) -> Api:
    return Api(http)


@pytest.fixture
def ada(api: Api) -> Person:
    return api.person()


@pytest.fixture
def bob(api: Api) -> Person:
    return api.person()


@pytest.fixture
def cleo(api: Api) -> Person:
    return api.person()


@pytest.fixture(scope="package")
def the_admin(server: Server, http: httpx.Client) -> Person:
    person = Api(http).person("the_admin")
    granted = server.command("admin", "grant", person.handle)
    assert granted.returncode == 0, granted.stderr
    return person


@pytest.fixture
def admin(api: Api, the_admin: Person) -> Person:
    person = Person(api, the_admin.id, the_admin.handle)
    person.sign_in()
    return person
