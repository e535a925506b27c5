"""A server and a browser for each module, and people who look at the one through the other."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.people import PATIENCE_MS, Arrive, Person
from tests.cluster.local import own_port
from tests.programs import serving

# On a busy machine a page takes its time; it is not what is tested.
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server of its own, with nothing in it, is."""
    port = own_port()
    with serving(tmp_path_factory.mktemp("data"), port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """Closed with the module: its event loop would be in the way of asynchronous tests."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def arrive(browser: Browser, url: str) -> Iterator[Arrive]:
    """Makes people. When they leave, none of their browsers may have complained."""
    people: list[Person] = []

    def made(**options: object) -> Person:
        people.append(Person(browser, url, **options))  # type: ignore[arg-type] # handed on
        return people[-1]

    yield made
    complaints = [complaint for person in people for complaint in person.complaints]
    for person in people:
        person.leave()
    assert complaints == []
