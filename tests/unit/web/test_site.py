"""The pages are served whole, named by their content, and break none of their own rules."""

import posixpath
import re
from pathlib import PurePosixPath

import pytest

from tests.asgi import Answered, OpenChecks, ask
from web import site
from web.app import build

PAGES = ("/", "/admin")
APP = build(site.routes(), OpenChecks().edge())
ASSETS = [route.path for route in site.routes() if route.path not in PAGES]
MODULES = [path for path in ASSETS if path.endswith(".js")]
FOR_EVER = "public, max-age=31536000, immutable"


async def get(path: str, *headers: tuple[str, str]) -> Answered:
    return await ask(APP, "GET", path, headers=headers)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_asked_for_again_and_sent_once(path: str) -> None:
    answer = await get(path)
    again = await get(path, ("If-None-Match", answer.headers["etag"]))

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("path", ASSETS)
async def test_what_a_page_is_made_of_is_kept_for_ever(path: str) -> None:
    answer = await get(path)

    assert answer.status == 200
    assert answer.headers["cache-control"] == FOR_EVER


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_names_files_that_are_there(path: str) -> None:
    page = (await get(path)).body.decode()

    named = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)

    assert len(named) >= 4
    assert set(named) <= set(ASSETS)


@pytest.mark.parametrize("path", MODULES)
async def test_modules_import_modules_that_are_there(path: str) -> None:
    text = (await get(path)).body.decode()

    imported = re.findall(r'^(?:import|\}) .*?"(\.[^"]+)";$', text, re.MULTILINE)
    here = PurePosixPath(path).parent

    assert {posixpath.normpath(here / name) for name in imported} <= set(ASSETS)


@pytest.mark.parametrize("path", MODULES)
async def test_no_module_makes_markup_or_code_of_text(path: str) -> None:
    text = (await get(path)).body.decode()

    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    assert re.findall(sinks, text) == []


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_on_a_page_is_inline(path: str) -> None:
    page = (await get(path)).body.decode()

    assert re.findall(r"<style|<script(?![^>]*\bsrc=)| style=| on[a-z]+=", page) == []


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_runs_only_what_is_served_here(path: str) -> None:
    policy = (await get(path)).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy


def test_one_changed_byte_renames_every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "text_rules", lambda: b"export const WEIGHT_MAX = 281;\n")

    changed = [route.path for route in site.routes() if route.path not in PAGES]

    assert [PurePosixPath(path).name for path in changed] == [
        PurePosixPath(path).name for path in ASSETS
    ]
    assert set(changed).isdisjoint(ASSETS)
