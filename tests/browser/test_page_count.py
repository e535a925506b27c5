"""The count beside a text is the server's: over the sample's posts, and where it is hard."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from domain.text import weigh
from tests.browser.people import Arrive

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLE: Final = Path(__file__).parents[2] / "infra" / "sample" / "data"
WEIGH: Final = """async (texts) => {
  const source = document.querySelector("script[type=module]").src.replace("main.js", "text.js");
  const { weigh } = await import(source);
  return texts.map(weigh);
}"""
HARD: Final = (
    "",
    "e\u0301 \u00e9 \uac00\u11a8",
    "天気 ½ “quoted” \u2013 ‰ ⁂",
    "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇩🇪 1️⃣ ☺ ☺️ 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "https://example.com/a_(b_(c))/?q=天 http://例え.テスト example.com. foo.bar a.b.co.uk/x",
    "see example.com天気 天気example.com user@example.com #example.com @example.com _a.com",
    "http://t.co/FNkPfmii- http://t.co/abcde's http://xn--はじめよう.com http://あいう.com",
    "www.example.みんな http://twitter.com/\u0441\u043b\u043e\u0432\u043e http://-a.com a-.com",
    "http://user:pass@example.com:8080/path?x=1#top HTTPS://EXAMPLE.COM/É",
)


def sample() -> Iterator[str]:
    with gzip.open(SAMPLE / "posts.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from (json.loads(line)["text"] for line in lines)


def test_the_page_counts_as_the_server_does(arrive: Arrive) -> None:
    guest = arrive()
    guest.go("")
    texts = [*HARD, *sample()]

    counted = guest.measure(WEIGH, texts)

    differing = [
        (text, there, weigh(text).weighted_length)
        for text, there in zip(texts, counted, strict=True)
        if there != weigh(text).weighted_length
    ]
    assert differing == []
