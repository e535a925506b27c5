"""Files to import that make a log of about so many events: people who follow each other, a few of
them widely, and post; the same in every run."""

import json
import random
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from infra.importing.imports import Files

EVENTS_EACH: Final = 50
FOLLOWS_OF_EACH: Final = 20
REPLIES: Final = 0.2
FIRST_POST_S: Final = 1_341_100_800
NAMESPACE: Final = "large"
WORDS: Final = ("replayed", "again", "#morning", "news", "of", "the", "day", "ok", "#weather")


def write(folder: Path, events: int) -> Files:
    """A person costs about 50 events: their account, 20 follows, and the posts."""
    chance = random.Random(events)
    people = [f"person{number}" for number in range(max(events // EVENTS_EACH, FOLLOWS_OF_EACH))]
    posts, follows = folder / "large_posts.jsonl", folder / "large_follows.tsv"
    folder.mkdir(parents=True, exist_ok=True)
    with follows.open("w", encoding="utf-8") as lines:
        for one in people:
            for other in _others(one, people, chance):
                lines.write(f"{one}\t{other}\n")
    made = events - len(people) * (FOLLOWS_OF_EACH + 1)
    with posts.open("w", encoding="utf-8") as lines:
        for number in range(made):
            at = datetime.fromtimestamp(FIRST_POST_S + number, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            post = {
                "id": f"p{number}",
                "user": chance.choice(people),
                "created_at": at,
                "text": " ".join(chance.choices(WORDS, k=8)) + f" {number}",
            }
            if number and chance.random() < REPLIES:
                post["in_reply_to"] = f"p{chance.randrange(number)}"
            lines.write(json.dumps(post) + "\n")
    return Files(posts=(str(posts),), follows=(str(follows),), namespace=NAMESPACE)


def _others(one: str, people: list[str], chance: random.Random) -> list[str]:
    """Those at the beginning are followed by many."""
    drawn = iter(lambda: people[int(len(people) * chance.random() ** 3)], None)
    found = dict.fromkeys(other for other in islice(drawn, 4 * FOLLOWS_OF_EACH) if other != one)
    return list(found)[:FOLLOWS_OF_EACH]
