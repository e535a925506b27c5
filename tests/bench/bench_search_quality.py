"""How good relevance search is: TREC Microblog 2011 and 2012, as judged by people.

    python -m tests.bench.bench_search_quality

indexes the tweets kept beside the checkout (STARLING_SHARED says where else), asks every topic
sorted by relevance, and prints MAP (over the first 1,000) and P@30 (the judged relevant among the
first 30). The collection's own query-likelihood baseline for 2011 is MAP 0.3576, P@30 0.4000, with
fuller judgements than these. The tweets are the pool of that baseline, so this measures ranking.
"""

import asyncio
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from domain.events import MentionOf, PostText, Recorded, TweetPosted
from domain.ids import AccountId, EventId
from domain.search_query import parse_query
from domain.text import extract_entities
from infra.sqlite.search_index import SqliteSearchIndex
from projections.search_index import RANKED_MAX, SEARCH_INDEX, SearchIndex

REPOSITORY: Final = Path(__file__).parents[2]
SHARED: Final = Path(os.environ.get("STARLING_SHARED", REPOSITORY.parent / "shared"))
TREC: Final = SHARED / "data" / "search"

BATCH: Final = 500


class Quality(NamedTuple):
    """The means over the topics that have a relevant tweet."""

    mean_average_precision: float
    precision_at_30: float
    topics: int


def _tweets() -> Iterator[Recorded]:
    with gzip.open(
        TREC / "trec_microblog_2011_2012_docs.jsonl.gz", "rt", encoding="utf-8"
    ) as lines:
        for position, line in enumerate(lines, 1):
            tweet = json.loads(line)
            posted = TweetPosted(
                event_id=EventId(int(tweet["id"])),
                actor_id=AccountId(1),
                personal=_content_of(tweet["text"]),
            )
            yield Recorded(posted, posted.event_id, position)


def _content_of(text: str) -> PostText:
    found = extract_entities(text)
    mentions = tuple(MentionOf(at.handle, None, at.start, at.end) for at in found.mentions)
    return PostText(text, hashtags=found.hashtags, mentions=mentions, urls=found.urls)


def _relevant() -> Mapping[str, Set[int]]:
    """Topic -> the tweets judged relevant to it."""
    found: dict[str, set[int]] = defaultdict(set)
    with gzip.open(TREC / "trec_microblog_2011_2012_qrels.txt.gz", "rt") as lines:
        for topic, _, tweet_id, grade in map(str.split, lines):
            if int(grade) > 0:
                found[topic].add(int(tweet_id))
    return found


async def index(store: SearchIndex) -> None:
    """Index every tweet of the collection."""
    tweets = _tweets()
    while batch := list(islice(tweets, BATCH)):
        await store.apply(SEARCH_INDEX.project(batch), {0: batch[-1].position})


async def judge(store: SearchIndex, year: str) -> Quality:
    """What the ranking of a year's topics ("" for all) is worth."""
    relevant = _relevant()
    precisions, at_30 = [], []
    topics = (TREC / "trec_microblog_2011_2012_queries.tsv").read_text("utf-8").splitlines()
    for topic, query in (line.split("\t") for line in topics):
        if not relevant[topic] or not topic.startswith(f"MB{year}"):
            continue
        found = await store.relevant_posts(parse_query(query), None, RANKED_MAX)
        precisions.append(average_precision(found.ids, relevant[topic]))
        at_30.append(len(relevant[topic] & set(found.ids[:30])) / 30)
    return Quality(mean(precisions), mean(at_30), len(at_30))


def average_precision(ranked: Sequence[int], relevant: Set[int]) -> float:
    """The mean, over the relevant, of the precision where each is found (0 where it is not)."""
    hits, total = 0, 0.0
    for rank, found in enumerate(ranked, 1):
        if found in relevant:
            hits += 1
            total += hits / rank
    return total / len(relevant)


async def _print_all() -> None:
    with TemporaryDirectory() as folder:
        store = SqliteSearchIndex(Path(folder) / "search.db")
        await index(store)
        for year in ("2011", "2012", ""):
            map_, p30, topics = await judge(store, year)
            print(f"{year or 'both':5} {topics:4} topics   MAP {map_:.4f}   P@30 {p30:.4f}")
        store.close()


if __name__ == "__main__":
    asyncio.run(_print_all())
