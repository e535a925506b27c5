"""The live page and people who mean harm: what they write stays words."""

from typing import Final

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.people import PASSWORD, PATIENCE_S, SESSION, Arrive, Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

MARKUP: Final = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
HARMED: Final = "() => window.harmed === 1"
FOREIGN_LINKS: Final = """() => [...document.querySelectorAll("main a")]
  .map((link) => link.protocol).filter((protocol) => !["http:", "https:"].includes(protocol))"""
MODULE: Final = "document.querySelector('script[type=module]').src"


def test_markup_in_names_bios_and_posts_is_inert(arrive: Arrive) -> None:
    mallory = arrive().join("mallory", "<b onclick=x>M</b>")
    headers = mallory.bearer()
    me, bio = f"{mallory.url}/v1/accounts/me", {"bio": MARKUP}
    httpx.patch(me, json=bio, headers=headers, timeout=PATIENCE_S).raise_for_status()
    mallory.write(f"{MARKUP} &lt;b&gt;")
    victim = arrive().join("victim")

    victim.follow("mallory")
    card = victim.post(MARKUP)
    expect(card).to_contain_text("&lt;b&gt;")
    victim.go("#/@mallory")
    expect(victim.view.get_by_text(MARKUP).first).to_be_visible()

    for person in (mallory, victim):
        assert not person.measure(HARMED)
        assert person.page.locator("main img, main script, main b").count() == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("schemes", "javascript:alert(1) javascript://example.com/%0aalert(1) data:text/html,x"),
        ("bidi", "\u202etxet desrever \u2066 and never closed"),
        ("stacked", "a" + "\u0301" * 200),
        ("unbroken", "W" * 250),
        ("hashes", "#" * 200),
        ("long_link", "https://example.com/" + "%20" * 80),
        ("separators", "@" * 100 + " \u2028 \u2029 \u200b \u00ad"),
    ],
)
def test_a_strange_text_disturbs_nothing_around_it(kind: str, text: str, arrive: Arrive) -> None:
    person = arrive().join(kind)
    [post_id] = person.say(text)

    person.go(f"#/post/{post_id}")
    expect(person.view.locator("article.large .text")).to_be_visible()

    assert person.measure(FOREIGN_LINKS) == []
    assert person.measure("() => document.documentElement.scrollWidth <= innerWidth")
    card = person.view.locator("article.large").bounding_box()
    assert card is not None
    assert card["height"] < 800


def entities(**some: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    return {"hashtags": [], "mentions": [], "urls": [], **some}


@pytest.mark.parametrize(
    "given",
    [
        entities(urls=[{"url": "javascript:alert(1)", "start": 0, "end": 5}]),
        entities(urls=[{"url": "JaVaScRiPt://x.com/%0aalert(1)", "start": 0, "end": 5}]),
        entities(urls=[{"url": "https://", "start": 0, "end": 5}]),
        entities(urls=[{"url": "https://x.com", "start": -3, "end": 90}]),
        entities(hashtags=[{"tag": "x", "start": 4, "end": 2}]),
    ],
)
def test_entities_that_lie_give_no_link_that_runs(
    given: dict[str, list[dict[str, object]]], arrive: Arrive
) -> None:
    guest = arrive()
    guest.go("")
    script = f"""async (given) => {{
      const {{ linked }} = await import({MODULE}.replace("main.js", "text.js"));
      return linked("Hello world", given).map((part) => part.href ?? part).join("|");
    }}"""

    rendered = guest.measure(script, given)

    assert "javascript:" not in rendered.lower()
    if "|" not in rendered and "https:" not in rendered:
        assert rendered == "Hello world"


def test_offsets_count_code_points(arrive: Arrive) -> None:
    person: Person = arrive().join("points")

    person.write("👩‍👩‍👧‍👦 \U0001d4b3 #tag 天気 @points https://example.com/ü end")

    links = person.post("end").locator(".text a").all_inner_texts()
    assert links == ["#tag", "@points", "example.com/ü"]


def test_a_link_outside_tells_nothing_and_opens_apart(arrive: Arrive) -> None:
    person = arrive().join("apart")

    person.write("See https://example.com/a?b=c")

    link = person.post("See").get_by_role("link", name="example.com/a?b=c")
    assert link.get_attribute("href") == "https://example.com/a?b=c"
    assert link.get_attribute("target") == "_blank"
    assert set((link.get_attribute("rel") or "").split()) >= {"noopener", "noreferrer", "nofollow"}


def test_the_password_is_nowhere_but_in_its_field(arrive: Arrive) -> None:
    person = arrive().join("secret")

    kept = person.measure("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")

    assert PASSWORD not in kept
    assert PASSWORD not in str(person.measure(SESSION))
    assert PASSWORD not in person.page.content()
