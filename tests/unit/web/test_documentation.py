"""The documentation is served whole, without a network, and not sent twice to who has it."""

import re
from html.parser import HTMLParser

import pytest

from tests.asgi import Answered, OpenChecks, ask
from web.app import build
from web.documentation import routes
from web.problems import STATUS

APP = build(routes(()), OpenChecks().edge())


async def get(path: str, *headers: tuple[str, str]) -> Answered:
    return await ask(APP, "GET", path, headers=headers)


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs.js", "text/javascript; charset=utf-8"),
        ("/docs.css", "text/css; charset=utf-8"),
    ],
)
async def test_each_file_is_served_and_kept(path: str, media_type: str) -> None:
    answer = await get(path)
    again = await get(path, ("If-None-Match", f'W/{answer.headers["etag"]}, "other"'))

    assert answer.status == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "no-cache"
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]


async def test_the_document_describes_itself() -> None:
    paths = (await get("/openapi.json")).json()["paths"]

    assert {"/openapi.json", "/docs", "/problems/{name}"} <= paths.keys()


async def test_the_page_runs_only_what_is_served_here() -> None:
    policy = (await get("/docs")).headers["content-security-policy"]

    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


class Outside(HTMLParser):
    """Collects what a page would fetch, and what its policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "link", "img"}:
            self.fetched.append(given.get("src") or given.get("href") or "")
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


async def test_the_page_needs_no_network() -> None:
    page = Outside()
    page.feed((await get("/docs")).body.decode())

    assert page.inline == []
    assert [url for url in page.fetched if not url.startswith(("/", "data:"))] == []
    for path in [url for url in page.fetched if url.startswith("/")]:
        assert (await get(path)).status == 200


@pytest.mark.parametrize("path", ["/docs.js", "/docs.css"])
async def test_no_script_or_style_names_another_host(path: str) -> None:
    text = (await get(path)).body.decode()

    assert re.findall(r"https?://|@import|innerHTML|eval\(", text) == []


@pytest.mark.parametrize("name", sorted({refusal.name for refusal in STATUS}))
async def test_every_problem_type_can_be_looked_up(name: str) -> None:
    answer = await get(f"/problems/{name}")

    assert answer.status == 200
    assert answer.json()["type"] == f"/problems/{name}"
    assert answer.json()["title"]


async def test_an_unknown_problem_is_not_found() -> None:
    assert (await get("/problems/none")).status == 404
