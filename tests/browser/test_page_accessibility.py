"""The live page for everybody: by keyboard, by ear, with weak eyes, and without motion."""

import pytest
from playwright.sync_api import expect

from tests.browser import accessibility
from tests.browser.people import NARROW, WIDE, Arrive, Person, Scheme

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

FOCUSED = "() => document.activeElement.className + ' ' + document.activeElement.textContent.trim()"


def tab_to(person: Person, words: str, *, key: str = "Tab", presses: int = 40) -> None:
    """Press it until the focus is on what says so."""
    for _ in range(presses):
        person.page.keyboard.press(key)
        if words in person.measure(FOCUSED):
            return
    raise AssertionError(f"{key} does not lead to {words!r}, but to {person.measure(FOCUSED)!r}")


def complaints_of(person: Person) -> list[str]:
    return accessibility.complaints_of(person.page)


def test_somebody_posts_likes_and_reads_with_nothing_but_the_keyboard(arrive: Arrive) -> None:
    person = arrive().join("keys")
    keyboard = person.page.keyboard
    person.page.reload()
    expect(person.heading).to_have_text("Home")

    keyboard.press("Tab")
    assert "Skip to the content" in person.measure(FOCUSED)
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.type("Typed, never clicked")
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(person.post("Typed, never clicked")).to_be_visible()

    tab_to(person, "post")
    tab_to(person, "", presses=1)
    card = person.post("Typed, never clicked")
    card.get_by_role("button", name="Like").focus()
    keyboard.press("Space")
    expect(card.get_by_role("button", name="Like, 1 like")).to_be_focused()
    card.focus()
    keyboard.press("Enter")
    expect(person.heading).to_have_text("Conversation")
    expect(person.heading).to_be_focused()


def test_j_and_k_walk_through_a_feed(arrive: Arrive) -> None:
    person = arrive().join("walker")
    for text in ("The older one", "The newer one"):
        person.write(text)
    person.post("The newer one").focus()

    person.page.keyboard.press("j")
    expect(person.post("The older one")).to_be_focused()
    person.page.keyboard.press("k")
    expect(person.post("The newer one")).to_be_focused()


def test_a_menu_and_a_dialog_give_the_focus_back(arrive: Arrive) -> None:
    person = arrive().join("back")
    person.write("Look at me")
    summary = person.post("Look at me").get_by_label("More about")

    summary.focus()
    person.page.keyboard.press("Enter")
    expect(person.view.get_by_role("button", name="Quote")).to_be_visible()
    person.page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    reply = person.post("Look at me").get_by_role("button", name="Reply")
    reply.focus()
    person.page.keyboard.press("Enter")
    expect(person.page.get_by_role("dialog").get_by_label("Your reply")).to_be_focused()
    person.page.keyboard.press("Escape")

    expect(reply).to_be_focused()


def test_a_deleted_post_does_not_take_the_focus_along(arrive: Arrive) -> None:
    person = arrive().join("heir")
    for text in ("Stays", "Goes"):
        person.write(text)
    person.post("Goes").get_by_label("More about").click()
    person.view.get_by_role("button", name="Delete").click()

    person.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(person.post("Goes")).to_have_count(0)
    expect(person.post("Stays")).to_be_focused()


def test_new_posts_are_announced_and_never_move_what_is_read(arrive: Arrive) -> None:
    writer, reader = arrive().join("writer", "Wri Ter"), arrive().join("reader")
    writer.write("An old one")
    reader.follow("writer")
    expect(reader.post("An old one")).to_be_visible()
    reader.page.keyboard.press("Tab")
    reader.post("An old one").focus()

    writer.write("A new one")

    expect(reader.view.get_by_role("button", name="Show 1 new post")).to_be_visible()
    expect(reader.page.locator("#status")).to_have_text("New post by Wri Ter")
    expect(reader.post("An old one")).to_be_focused()
    reader.view.get_by_role("button", name="Show 1 new post").click()
    expect(reader.post("A new one")).to_be_visible()


@pytest.mark.parametrize(("scheme", "size"), [("light", NARROW), ("dark", WIDE)])
def test_every_view_is_named_legible_and_within_the_screen(
    scheme: Scheme, size: tuple[int, int], arrive: Arrive
) -> None:
    name = f"{scheme}{size[0]}"
    guest, person = arrive(scheme=scheme, size=size), arrive(scheme=scheme, size=size)
    guest.go("")
    guest.heading.wait_for()
    assert complaints_of(guest) == []

    person.join(name, "Name of somebody")
    other = arrive().join(f"{name}_too")
    other.write(f"Hello @{name}, see https://example.com #{name}")
    person.follow(other.handle)
    card = person.post("see example.com").first
    card.get_by_role("button", name="Like").click()
    expect(card.get_by_role("button", name="Like, 1 like")).to_be_visible()
    for address in (
        "#/", "#/explore", "#/notifications", "#/bookmarks", f"#/search?q={name}",
        f"#/@{other.handle}", f"#/@{other.handle}/followers", "#/@nobody_at_all", "#/post/1",
    ):  # fmt: skip
        person.go(address)
        person.view.locator("article:visible, .nothing:visible").first.wait_for()
        assert complaints_of(person) == [], address
    person.go("#/")
    person.post("see example.com").first.get_by_role("button", name="Reply").click()
    assert complaints_of(person) == []


@pytest.mark.parametrize(
    ("name", "script", "fault"),
    [
        ("nameless", accessibility.NAMELESS, "main.append(document.createElement('button'))"),
        ("lost", accessibility.LANDMARKS, "main.querySelector('h1').remove()"),
        ("broken", accessibility.REFERENCES, "main.setAttribute('aria-describedby', 'nothing')"),
        ("pale", accessibility.CONTRAST, "main.style.color = main.style.backgroundColor = '#888'"),
        ("tiny", accessibility.SMALL_TARGETS, "main.querySelector('summary').style.width = '8px'"),
        ("broad", accessibility.SIDEWAYS, "main.style.width = '3000px'"),
    ],
)
def test_what_looks_for_faults_finds_them(
    name: str, script: str, fault: str, arrive: Arrive
) -> None:
    person = arrive().join(name)
    person.write("Without a fault")
    assert person.measure(script) == []

    person.measure(f"() => {{ const main = document.querySelector('main'); {fault}; }}")

    assert person.measure(script) != []


def test_nothing_moves_for_who_asked_for_calm(arrive: Arrive) -> None:
    person = arrive(calm=True).join("calm")

    person.write("Standing still")

    moving = "() => document.getAnimations().filter((one) => one.playState === 'running').length"
    assert person.measure(moving) == 0
