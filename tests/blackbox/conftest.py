"""One server for all of these tests; each test has its own people on it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.blackbox.client import Api, Person
from tests.blackbox.server import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("blackbox") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def admin_handle(server: Server, http: httpx.Client) -> str:
    person = Api(http).person("the_admin")
    granted = server.command("admin", "grant", person.handle)
    assert granted.returncode == 0, granted.stderr
    return person.handle


@pytest.fixture
def admin(api: Api, admin_handle: str) -> Person:
    account = api.get(f"/v1/accounts/by-handle/{admin_handle}").json()
    person = Person(api, account["id"], admin_handle)
    person.sign_in()
    return person
