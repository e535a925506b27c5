"""The documentation page in a real browser: it shows every operation, and breaks no policy."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from tests.asgi import OpenChecks
from web import documentation, operations
from web.app import build
from web.operations import Part

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


async def parts() -> tuple[Part, ...]:
    return (Part("log", "up"),)


async def exposition() -> bytes:
    return b""


PROBES = operations.routes(parts=parts, exposition=exposition)
ROUTES = (*PROBES, *documentation.routes(PROBES))


@pytest.fixture
def address() -> Iterator[str]:
    """Where the probes and their documentation are served."""
    app = build(ROUTES, OpenChecks().edge())
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        # Connections wait in the socket's queue until the thread accepts them.
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def opened(chromium: Path, url: str, profile: Path) -> tuple[str, str]:
    """The page's document after its scripts ran, and what the console said."""
    ran = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
            "--virtual-time-budget=5000", "--enable-logging=stderr", "--dump-dom", url,
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )  # fmt: skip
    return ran.stdout, "\n".join(re.findall(r'CONSOLE.*?\] "(.*?)", source', ran.stderr))


def test_the_page_shows_every_operation(chromium: Path, address: str, tmp_path: Path) -> None:
    page, console = opened(chromium, f"{address}/docs", tmp_path)

    assert console == ""
    assert len(re.findall(r'<details class="operation"', page)) == len(ROUTES)
    assert "Loading" not in re.sub(r"<p id=\"state\"[^>]*hidden[^>]*>.*?</p>", "", page)


def test_a_link_to_an_operation_opens_it(chromium: Path, address: str, tmp_path: Path) -> None:
    page, console = opened(chromium, f"{address}/docs#getReadyz", tmp_path)

    assert console == ""
    assert re.search(r'<details class="operation" id="getReadyz" open=""', page)
    assert f"curl -sS '{address}/readyz'" in page
