"""How long the text rules take for a real tweet, each text on its own, as when it is posted.

    python -m tests.bench.bench_text

reads the tweets kept beside the checkout (STARLING_SHARED says where else) and prints a table.
"""

import gzip
import json
import os
import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter_ns
from typing import Final

from domain.search_terms import query_phrases, search_terms
from domain.text import extract_entities, parse_post, weigh

REPOSITORY: Final = Path(__file__).parents[2]
SHARED: Final = Path(os.environ.get("STARLING_SHARED", REPOSITORY.parent / "shared"))
POSTS: Final = SHARED / "data" / "posts"

TEXTS_MAX: Final = 20_000
TWEET: Final = "A realistic tweet"
SOURCES: Final = (
    ("Mostly Latin, each with a URL", "mklab_tweets.jsonl.gz"),
    ("Chinese", "weibo_ced_posts.jsonl.gz"),
    ("Arabic, Thai, German ...", "multilingual_text.jsonl.gz"),
)
EXAMPLE: Final = (
    "Reading about event sourcing with @ada_lovelace: why append-only logs age so well "
    "https://blog.example.com/2024/logs #databases #python"
)
READERS: Final[tuple[Callable[[str], object], ...]] = (
    parse_post,
    extract_entities,
    weigh,
    search_terms,
    query_phrases,
)


def texts_of(name: str) -> Iterator[str]:
    with gzip.open(POSTS / name, "rt", encoding="utf-8") as lines:
        for _, line in zip(range(TEXTS_MAX), lines, strict=False):
            yield json.loads(line)["text"]


def micros(read: Callable[[str], object], texts: Iterable[str]) -> list[float]:
    taken = []
    for text in texts:
        start = perf_counter_ns()
        read(text)
        taken.append((perf_counter_ns() - start) / 1_000)
    return taken


def report(title: str, texts: list[str]) -> None:
    length = statistics.mean(map(len, texts))
    print(f"\n{title}: {len(texts):,} texts of {length:.0f} characters on average")
    print(f"{'':18}{'median':>10}{'mean':>10}{'p99':>10}   microseconds a text")
    for read in READERS:
        taken = micros(read, texts)
        p99 = statistics.quantiles(taken, n=100)[-1]
        row = f"{statistics.median(taken):>10.1f}{statistics.mean(taken):>10.1f}{p99:>10.1f}"
        print(f"{read.__name__:18}{row}")


def main() -> None:
    report(TWEET, [EXAMPLE] * TEXTS_MAX)
    for title, name in SOURCES:
        if (POSTS / name).is_file():
            report(title, list(texts_of(name)))


if __name__ == "__main__":
    main()
