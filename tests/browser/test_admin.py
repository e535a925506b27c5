"""The administrators' page in a real browser, on a real server that somebody tampers with."""

import asyncio
import platform
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import Locator, Route, expect

from infra.sqlite.dead_letters import SqliteDeadLetters
from streams.dead_letters import Build, Parked
from tests.browser import accessibility
from tests.browser.people import NARROW, PASSWORD, PATIENCE_S, WIDE, Arrive, Person, Scheme
from tests.cluster.local import own_port
from tests.embedded.tampering import PLANTS, damage
from tests.programs import serving, starling

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

ADMIN: Final = "the_admin"
WORDS: Final = '<b onclick="x">words</b>'
VIEWS: Final = (
    "", "projections/trends", "projections/nonsense", "dead-letters", "reports",
    "reports/suspensions", "audit",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A server with two people, of whom one is an administrator and one has posted."""
    port = own_port()
    address = f"http://127.0.0.1:{port}"
    with serving(folder, port), httpx.Client(base_url=address, timeout=PATIENCE_S) as http:
        bearers = [enrolled(http, handle) for handle in (ADMIN, "author")]
        post = http.post("/v1/tweets", json={"text": "Look"}, headers=bearers[1]).json()["id"]
        reported = {"reason": "spam", "comment": WORDS}
        path = f"/v1/posts/{post}/reports"
        http.post(path, json=reported, headers=bearers[0]).raise_for_status()
        grant(folder, ADMIN)
        yield str(http.base_url).rstrip("/")


def enrolled(http: httpx.Client, handle: str) -> dict[str, str]:
    """A new account; what lets a request act for it."""
    credentials = {"handle": handle, "password": PASSWORD}
    http.post("/v1/accounts", json=credentials).raise_for_status()
    token = http.post("/v1/sessions", json=credentials).raise_for_status().json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def grant(folder: Path, handle: str) -> None:
    program = starling(folder, "admin", "grant", handle)
    program.communicate()
    assert program.returncode == 0


def come_in(person: Person, handle: str = ADMIN) -> Person:
    """By the page's own form."""
    person.go("admin")
    person.view.get_by_label("Handle").fill(handle)
    person.view.get_by_label("Password").fill(PASSWORD)
    person.view.get_by_role("button", name="Sign in").click()
    return person


def row(person: Person, name: str) -> Locator:
    return person.view.get_by_role("row").filter(
        has=person.page.get_by_role("rowheader", name=name)
    )


def ask(person: Person, button: str, *, action: str, reason: str = "a test") -> None:
    """Press the button, and say in the dialog why."""
    person.view.get_by_role("button", name=button).first.click()
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=action, exact=True).click()
    expect(dialog).to_have_count(0)


def section(person: Person, name: str | re.Pattern[str]) -> None:
    """Go there by the navigation."""
    person.page.get_by_role("navigation", name="Sections").get_by_role("link", name=name).click()


def park(folder: Path, *positions: int) -> None:
    """Have notifications dead letters of these events."""
    build = Build("notifications", 1, 1)
    letters = [Parked(build, 0, position, position, WORDS) for position in positions]
    with closing(SqliteDeadLetters(folder / "dead_letters.db")) as parking:
        asyncio.run(parking.park(letters))


def told(person: Person) -> Locator:
    return person.view.get_by_role("region", name="Newest work")


def test_who_has_not_the_role_is_told_so_and_comes_in_with_it(
    arrive: Arrive, url: str, folder: Path
) -> None:
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        enrolled(http, "mere")
    mere = come_in(arrive(), "mere")
    expect(mere.heading).to_have_text("This page is for administrators")
    expect(mere.view).to_contain_text("starling admin grant mere")
    assert accessibility.complaints_of(mere.page) == []

    grant(folder, "mere")
    mere.view.get_by_role("button", name="I have the role now").click()

    expect(mere.heading).to_have_text("Projections")
    expect(row(mere, "Home timelines")).to_be_visible()


def test_every_projection_is_shown_with_its_position_and_lag(arrive: Arrive) -> None:
    admin = come_in(arrive())

    expect(admin.view.get_by_role("rowheader")).to_have_count(11)
    trends = row(admin, "Trends")
    expect(trends.get_by_role("cell").nth(0)).to_have_text("Live")
    expect(trends.get_by_role("cell").nth(1)).to_have_text(re.compile("^[1-9]"))
    expect(trends.get_by_role("cell").nth(2)).to_have_text("0")
    trends.get_by_role("link", name="Trends", exact=True).click()
    admin.view.get_by_text("1 partition, none behind").click()
    expect(admin.view.get_by_role("rowheader", name="log/0")).to_be_visible()
    # The server runs beside the test.
    expect(admin.view.get_by_role("cell", name=f"{platform.node()}:")).to_be_visible()


def test_a_projection_that_lags_or_stands_still_is_seen_at_once(arrive: Arrive) -> None:
    admin = arrive()

    def worse(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        if answer.ok:
            found["items"][0].update(lag_events=12_345, lag_seconds=75.0)
            found["items"][1].update(stalled_by="the disk is full")
        route.fulfill(response=answer, json=found)

    admin.page.route("**/v1/admin/projections", worse)
    come_in(admin)

    expect(row(admin, "Post cards")).to_contain_text("Behind")
    expect(row(admin, "Post cards")).to_contain_text("12,345 · 1 min 15 s")
    expect(row(admin, "Author timelines")).to_contain_text("Stalled")
    row(admin, "Author timelines").get_by_role("link", name="Author timelines").click()
    expect(admin.view.get_by_role("alert")).to_contain_text("the disk is full")
    admin.page.unroute_all()


def test_a_server_that_is_away_is_asked_again_and_what_it_said_stays(arrive: Arrive) -> None:
    admin = come_in(arrive())
    expect(row(admin, "Trends")).to_be_visible()

    admin.context.set_offline(True)
    expect(admin.view.get_by_text("Connecting …")).to_be_visible()
    expect(row(admin, "Trends")).to_be_visible()
    admin.context.set_offline(False)

    expect(admin.view.get_by_text("Live", exact=True).first).to_be_visible()


def test_a_generation_is_built_takes_over_and_the_old_one_is_dropped(arrive: Arrive) -> None:
    admin = come_in(arrive())
    row(admin, "Trends").get_by_label("Actions on Trends").click()
    ask(admin, "Replay …", action="Build")
    row(admin, "Trends").get_by_role("link", name="Trends", exact=True).click()
    expect(told(admin)).to_contain_text("A generation is built")

    ask(admin, "Swap …", action="Swap")
    expect(told(admin)).to_contain_text("Swapped")
    expect(admin.view.get_by_text("generation 2 of version")).to_be_visible()
    ask(admin, "Roll back …", action="Roll back")
    expect(admin.view.get_by_text("generation 1 of version")).to_be_visible()
    ask(admin, "Prune …", action="Drop them", reason=WORDS)
    expect(told(admin)).to_contain_text("Dropped generations: 2")

    section(admin, "Audit trail")
    newest = admin.view.get_by_role("row").nth(1)
    for words in (f"@{ADMIN}", "prune projection", "projection/trends", WORDS):
        expect(newest).to_contain_text(words)


def test_a_replay_is_paused_and_cancelled(arrive: Arrive) -> None:
    admin = come_in(arrive())
    expect(row(admin, "Conversations")).to_be_visible()
    admin.go("admin#/projections/conversations")
    admin.view.get_by_role("button", name="Replay …").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Events a second, at most").fill("0.1")
    dialog.get_by_role("button", name="Build").click()

    built = admin.view.get_by_role("region", name="The next generation")
    expect(built).to_contain_text("Generation 2: being built")
    expect(built).to_contain_text("at most 0.1 a second")
    ask(admin, "Pause …", action="Pause")
    expect(built).to_contain_text("Generation 2: paused")
    ask(admin, "Cancel …", action="End it")

    expect(built).to_have_count(0)
    expect(admin.view.get_by_text("generation 1 of version")).to_be_visible()


def test_a_view_as_of_the_past_is_built_paused_and_cancelled(arrive: Arrive) -> None:
    admin = come_in(arrive())
    expect(row(admin, "Moderation")).to_be_visible()
    admin.go("admin#/projections/moderation")
    admin.view.get_by_role("button", name="Replay …").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("As of").fill("log/0:3")
    dialog.get_by_label("Events a second, at most").fill("0.01")
    dialog.get_by_role("button", name="Build").click()

    built = admin.view.get_by_role("region", name="As of log/0:3")
    expect(built).to_contain_text("Generation 2 as of log/0:3: being built")
    expect(admin.view.get_by_role("region", name="The next generation")).to_have_count(0)
    ask(admin, "Pause …", action="Pause")
    expect(built).to_contain_text("Generation 2 as of log/0:3: paused")
    assert accessibility.complaints_of(admin.page) == []
    ask(admin, "Cancel …", action="End it")

    expect(built).to_have_count(0)
    expect(admin.view.get_by_role("region", name="As of the past")).to_have_count(0)


def test_what_cannot_be_done_is_told_in_the_server_s_words(arrive: Arrive) -> None:
    admin = come_in(arrive())
    expect(row(admin, "Engagement")).to_be_visible()
    admin.go("admin#/projections/engagement")

    admin.view.get_by_role("button", name="Swap …").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Swap", exact=True).click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_role("button", name="Cancel").click()
    admin.view.get_by_role("button", name="Apply a part again …").click()
    dialog.get_by_label("Since").fill("yesterday")
    dialog.get_by_role("button", name="Apply", exact=True).click()

    expect(dialog.get_by_label("Since")).to_have_attribute("aria-invalid", "true")


def test_a_proof_names_what_was_tampered_with_and_repair_mends_it(
    arrive: Arrive, folder: Path
) -> None:
    admin = come_in(arrive())
    expect(row(admin, "Author timelines")).to_be_visible()
    admin.go("admin#/projections/author_timelines")
    key = damage(folder, PLANTS["a lost post"])

    ask(admin, "Verify …", action="Verify")
    expect(told(admin)).to_contain_text("Different from the log")
    expect(told(admin).get_by_role("rowheader", name=key).first).to_be_visible()
    ask(admin, "Repair …", action="Repair")

    expect(told(admin)).to_contain_text("Mended: equal to the log")


def test_dead_letters_are_opened_retried_and_discarded(arrive: Arrive, folder: Path) -> None:
    with ThreadPoolExecutor() as elsewhere:  # the browser's event loop runs in this thread
        elsewhere.submit(park, folder, 1, 2).result()
    admin = come_in(arrive())

    section(admin, re.compile("Dead letters.*waiting.*2"))
    first = admin.view.get_by_role("listitem").filter(has_text="position 1")
    expect(first).to_contain_text(WORDS)
    first.get_by_text("The event", exact=True).click()
    expect(first).to_contain_text("handle.claimed.v1")
    ask(admin, "Retry Notifications, partition 0, position 1", action="Retry")
    expect(first).to_have_count(0)
    ask(admin, "Discard Notifications, partition 0, position 2", action="Discard")

    expect(admin.view.get_by_text("No dead letters")).to_be_visible()


def test_a_report_is_read_and_resolved(arrive: Arrive) -> None:
    admin = come_in(arrive())
    section(admin, "Moderation")
    report = admin.view.get_by_role("listitem").filter(has_text=WORDS)
    expect(report).to_contain_text("Look")

    report.get_by_role("button", name="Resolve …").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Resolution").fill("nothing wrong")
    dialog.get_by_role("button", name="Resolve", exact=True).click()

    expect(admin.view.get_by_text("No open reports")).to_be_visible()
    admin.view.get_by_role("link", name="Resolved").click()
    expect(report).to_contain_text("nothing wrong")


@pytest.mark.parametrize(("scheme", "size"), [("light", NARROW), ("dark", WIDE)])
def test_every_section_is_named_legible_and_within_the_screen(
    scheme: Scheme, size: tuple[int, int], arrive: Arrive
) -> None:
    admin = arrive(scheme=scheme, size=size)
    admin.go("admin")
    admin.heading.wait_for()
    assert accessibility.complaints_of(admin.page) == []

    come_in(admin)
    expect(row(admin, "Trends")).to_be_visible()
    for view in VIEWS:
        admin.go(f"admin#/{view}")
        expect(admin.view.get_by_text("Loading …")).to_have_count(0)
        assert accessibility.complaints_of(admin.page) == [], view
    admin.go("admin#/projections/trends")
    admin.view.get_by_role("button", name="Prune …").focus()
    admin.page.keyboard.press("Enter")
    expect(admin.page.get_by_role("button", name="Cancel")).to_be_focused()
    assert accessibility.complaints_of(admin.page) == []
    admin.page.keyboard.press("Escape")
    expect(admin.view.get_by_role("button", name="Prune …")).to_be_focused()
