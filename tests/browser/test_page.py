"""The live page: what people do with it, each in a browser of their own, on a real server."""

import re
from typing import Final

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.people import EXPIRE, NARROW, PASSWORD, PATIENCE_S, SESSION, Arrive

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

NO_RELOAD: Final = "() => { window.sameDocument = true; }"
IS_SAME: Final = "() => window.sameDocument === true"


def test_somebody_signs_up_and_what_they_post_is_there_at_once(arrive: Arrive) -> None:
    ada = arrive().sign_up("ada", "Ada")

    ada.write("Hello, starlings")
    ada.page.get_by_role("link", name="Profile").click()

    expect(ada.post("Hello, starlings")).to_be_visible()
    expect(ada.view.get_by_text("1 post")).to_be_visible()


def test_a_new_post_arrives_live_without_a_reload(arrive: Arrive) -> None:
    bob, cid = arrive().join("bob"), arrive().join("cid")
    bob.write("Before anybody follows")
    cid.follow("bob")
    expect(cid.post("Before anybody follows")).to_be_visible()
    cid.measure(NO_RELOAD)

    bob.write("As it happens")

    expect(cid.post("As it happens")).to_be_visible()
    assert cid.measure(IS_SAME)


def test_reactions_reach_the_author_live(arrive: Arrive) -> None:
    dan, eve = arrive().join("dan"), arrive().join("eve")
    dan.write("Like me")
    eve.follow("dan")
    card = eve.post("Like me")

    card.get_by_role("button", name="Like").click()
    expect(card.get_by_role("button", name="Like, 1 like")).to_have_attribute(
        "aria-pressed", "true"
    )
    card.get_by_role("button", name="Repost").click()
    card.get_by_role("button", name="Reply").click()
    eve.page.get_by_role("dialog").get_by_label("Your reply").fill("Liked")
    eve.page.get_by_role("dialog").get_by_role("button", name="Reply", exact=True).click()

    mine = dan.post("Like me")
    expect(mine.get_by_role("button", name="Like, 1 like")).to_be_visible()
    expect(mine.get_by_role("button", name="Reply, 1 reply")).to_be_visible()
    dan.page.get_by_role("link", name=re.compile("Notifications.*unread")).click()
    for words in ("follows you", "likes your post", "reposted your post", "replied to you"):
        expect(dan.view.get_by_role("link", name=words)).to_be_visible()
    dan.view.get_by_role("link", name="replied to you").click()
    expect(dan.view.locator("article.large")).to_contain_text("Liked")
    expect(dan.view.locator("article.threaded")).to_contain_text("Like me")


def test_a_repost_that_is_taken_back_leaves_the_homes_it_was_in(arrive: Arrive) -> None:
    rex, sue, tom = arrive().join("rex"), arrive().join("sue"), arrive().join("tom")
    rex.write("Pass it on")
    sue.follow("rex")
    tom.follow("sue")
    card = sue.post("Pass it on")

    card.get_by_role("button", name="Repost").click()
    expect(tom.post("Pass it on")).to_contain_text("reposted")
    card.get_by_role("button", name="Repost, 1 repost").click()

    expect(tom.post("Pass it on")).to_have_count(0)
    expect(sue.post("Pass it on")).to_be_visible()


def test_edits_and_deletions_reach_who_is_looking(arrive: Arrive) -> None:
    fay, gil = arrive().join("fay"), arrive().join("gil")
    fay.write("First thougt")
    gil.follow("fay")
    expect(gil.post("First thougt")).to_be_visible()

    fay.post("First thougt").get_by_label("More about").click()
    fay.view.get_by_role("button", name="Edit").click()
    fay.page.get_by_role("dialog").get_by_label("New text").fill("First thought")
    fay.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(gil.post("First thought")).to_contain_text("edited")

    fay.post("First thought").get_by_label("More about").click()
    fay.view.get_by_role("button", name="Delete").click()
    fay.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(gil.post("First thought")).to_have_count(0)
    expect(fay.post("First thought")).to_have_count(0)


def test_a_bookmark_is_found_again_and_a_word_is_searched(arrive: Arrive) -> None:
    hal = arrive().join("hal")
    hal.write("A murmuration over the #marsh")
    hal.post("murmuration").get_by_role("button", name="Bookmark").click()
    expect(hal.page.get_by_text("Added to your bookmarks")).to_be_visible()

    hal.page.get_by_role("link", name="Bookmarks").click()
    expect(hal.post("murmuration")).to_be_visible()
    hal.post("murmuration").get_by_role("link", name="#marsh").click()
    expect(hal.heading).to_have_text("Search")
    expect(hal.post("murmuration")).to_be_visible()
    hal.view.get_by_role("link", name="People").click()
    hal.view.get_by_role("searchbox").fill("hal")
    hal.page.keyboard.press("Enter")
    expect(hal.view.get_by_role("article").filter(has_text="@hal")).to_be_visible()


def test_scrolling_reaches_the_very_first_post_and_shows_each_once(arrive: Arrive) -> None:
    ida = arrive().join("ida")
    ida.say(*(f"Number {number} of ida" for number in range(45)))

    ida.go("#/@ida")
    for number in (25, 5, 0):
        post = ida.post(re.compile(rf"Number {number} of ida$"))
        expect(post).to_be_attached()
        post.scroll_into_view_if_needed()

    shown = ida.view.locator("article.post .text").all_inner_texts()
    assert shown == [f"Number {number} of ida" for number in reversed(range(45))]


def test_going_back_finds_the_place(arrive: Arrive) -> None:
    jon = arrive().join("jon")
    jon.say(*(f"Line {number} of jon" for number in range(12)))
    expect(jon.post("Line 11 of jon")).to_be_visible()
    # In the middle, for a click would bring what is hidden behind the edge or the header into view.
    # A wheel may still be turning the page when it is looked at.
    post = jon.post("Line 3 of jon")
    post.evaluate("post => post.scrollIntoView({ block: 'center', behavior: 'instant' })")
    before = jon.measure("() => scrollY")
    assert before > 200

    post.click(position={"x": 200, "y": 20})
    expect(jon.heading).to_have_text("Conversation")
    jon.page.go_back()

    expect(jon.heading).to_have_text("Home")
    assert jon.measure("() => scrollY") == before


def test_a_guest_reads_and_is_asked_to_join_on_acting(arrive: Arrive) -> None:
    kim, guest = arrive().join("kim"), arrive()
    kim.write("For everyone to read")
    guest.go("")
    card = guest.post("For everyone to read")
    expect(card).to_be_visible()

    card.get_by_role("button", name="Like").click()

    expect(guest.page.get_by_role("dialog", name="Join Starling")).to_be_visible()
    expect(card.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "false")


def test_problems_are_told_in_plain_words_where_they_are(arrive: Arrive) -> None:
    arrive().join("lea")
    guest = arrive()
    guest.go("")
    guest.page.get_by_role("button", name="Sign up", exact=True).first.click()
    dialog = guest.page.get_by_role("dialog")
    dialog.get_by_label("Handle").fill("Lea")
    dialog.get_by_label("Password").fill("short")

    dialog.get_by_role("button", name="Sign up", exact=True).click()
    expect(dialog.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Password")).to_be_focused()
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign up", exact=True).click()

    expect(dialog.get_by_role("alert")).to_have_text("The handle is taken")


def test_a_text_that_is_too_long_cannot_be_sent(arrive: Arrive) -> None:
    mia = arrive().join("mia")
    area = mia.view.get_by_role("textbox", name="What is happening?")
    button = mia.view.get_by_role("button", name="Post", exact=True)

    area.fill("天" * 140)
    expect(mia.view.locator(".count")).to_contain_text("0 of 280 left")
    expect(button).to_have_attribute("aria-disabled", "false")
    area.fill("天" * 140 + "!")
    expect(mia.view.locator(".count")).to_have_attribute("data-state", "over")
    expect(button).to_have_attribute("aria-disabled", "true")
    area.press("Control+Enter")

    expect(area).to_have_value("天" * 140 + "!")
    expect(mia.page.get_by_role("status").filter(has_text="too long")).to_have_count(1)


def test_a_session_outlives_a_reload_and_its_tokens_are_renewed(arrive: Arrive) -> None:
    ned = arrive().join("ned")
    before = ned.measure(SESSION)
    ned.measure(EXPIRE)

    ned.page.reload()
    expect(ned.heading).to_have_text("Home")

    after = ned.measure(SESSION)
    assert after["account_id"] == before["account_id"]
    assert after["refresh_token"] != before["refresh_token"]


def test_several_tabs_renew_a_session_only_once(arrive: Arrive) -> None:
    ole = arrive().join("ole")
    tabs = [ole.page, ole.tab(), ole.tab()]
    renewals: list[str] = []
    ole.context.on(
        "request", lambda asked: renewals.append(asked.url) if "/refresh" in asked.url else None
    )
    for tab in tabs:
        tab.goto(f"{ole.url}/#/bookmarks")
        expect(tab.locator("main > div:not([hidden]) h1")).to_have_text("Bookmarks")

    ole.measure(EXPIRE)
    for tab in tabs:
        tab.evaluate("() => { window.sameDocument = true; location.reload(); }")
    for tab in tabs:
        # What was there before the reload has the same heading.
        tab.wait_for_function("() => window.sameDocument === undefined")
        expect(tab.locator("main > div:not([hidden]) h1")).to_have_text("Bookmarks")

    assert len(renewals) == 1


def test_signing_out_ends_the_session_in_every_tab(arrive: Arrive) -> None:
    pia = arrive().join("pia")
    other = pia.tab()
    other.goto(f"{pia.url}/#/bookmarks")
    headers = pia.bearer()

    pia.page.get_by_role("link", name="Profile").click()
    pia.view.get_by_role("button", name="Sign out").click()

    expect(pia.page.get_by_role("button", name="Sign in", exact=True).first).to_be_visible()
    expect(other.get_by_role("button", name="Sign in", exact=True).first).to_be_visible()
    me = httpx.get(f"{pia.url}/v1/accounts/me", headers=headers, timeout=PATIENCE_S)
    assert me.status_code == 401


def test_what_was_missed_without_a_network_arrives_with_it(arrive: Arrive) -> None:
    quy, ria = arrive().join("quy"), arrive().join("ria")
    ria.follow("quy")
    expect(ria.view.get_by_text("Live", exact=True)).to_be_visible()
    ria.measure(NO_RELOAD)

    ria.context.set_offline(True)
    quy.write("While nobody heard")
    ria.context.set_offline(False)

    expect(ria.post("While nobody heard")).to_be_visible()
    assert ria.measure(IS_SAME)


@pytest.mark.parametrize("size", [NARROW, (320, 600)])
def test_all_of_it_works_on_a_small_screen(size: tuple[int, int], arrive: Arrive) -> None:
    handle = f"small{size[0]}"
    person = arrive(size=size, scheme="dark").sign_up(handle)
    person.page.get_by_role("button", name="Post", exact=True).first.click()
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_label("What is happening?").fill("W" * 200)
    dialog.get_by_role("button", name="Post", exact=True).click()
    expect(person.post("W" * 200)).to_be_visible()

    for address in ("#/", "#/explore", "#/notifications", "#/bookmarks", f"#/@{handle}"):
        person.go(address)
        person.heading.wait_for()
        assert person.measure("() => document.documentElement.scrollWidth <= innerWidth"), address


def test_what_a_profile_says_can_be_changed(arrive: Arrive) -> None:
    sam = arrive().join("sam")
    sam.page.get_by_role("link", name="Profile").click()
    sam.view.get_by_role("button", name="Edit profile").click()
    dialog = sam.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Sam the first")
    dialog.get_by_label("Bio").fill("Counts birds")

    dialog.get_by_role("button", name="Save").click()

    expect(sam.view.get_by_text("Counts birds")).to_be_visible()
    expect(sam.page.get_by_role("link", name="Sam the first @sam").first).to_be_visible()
