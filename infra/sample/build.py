"""Makes the bundled sample from the two data sets it is taken from.

Run with `python -m infra.sample.build POSTS.jsonl.gz FOLLOWS.tsv.gz`; what comes out depends on
nothing but the files. `data/NOTICE` says what they are.
"""

import gzip
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from domain import posts
from domain.errors import Invalid

DATA: Final = Path(__file__).parent / "data"
PEOPLE: Final = 400
POSTS_MAX: Final = 2_000
# Bombs, abductions, a hoax about an explosion and rude words are nothing to greet people with.
LEFT_OUT: Final = frozenset({"boston", "bringback", "columbianChemicals", "malaysia"})
RUDE: Final = re.compile(r"fuc+k|shit|bi+tch|nig+[ae]|whore|period\.|muhh|gtfo|\*\*", re.IGNORECASE)

Post = dict[str, Any]
Edge = tuple[str, str]


def chosen_posts(found: Iterable[Post]) -> list[Post]:
    """Tweets that can be posted, by the people who have the most of them."""
    fit = [post for post in found if _is_fit(post)]
    authors = set(_ranked(Counter(post["user"] for post in fit))[:PEOPLE])
    return [post for post in fit if post["user"] in authors][:POSTS_MAX]


def mapped_follows(chosen: Sequence[Post], edges: Sequence[Edge]) -> list[Edge]:
    """Real follows between as many people as wrote the posts, given to these by rank: who has
    the most followers stands for who has the most posts."""
    authors = _ranked(Counter(post["user"] for post in chosen))
    followed = _ranked(Counter(followee for _, followee in edges))
    author_of = dict(zip(followed, authors, strict=False))
    return [
        (author_of[follower], author_of[followee])
        for follower, followee in edges
        if follower in author_of and followee in author_of
    ]


def main(posts_file: Path, follows_file: Path) -> None:
    """Write the sample's files."""
    with gzip.open(posts_file) as lines:
        chosen = chosen_posts([orjson.loads(line) for line in lines])
    with gzip.open(follows_file, "rt") as lines:
        edges = [_edge(line) for line in lines if not line.startswith("#")]
    kept = ("id", "user", "created_at", "text")
    _write("posts.jsonl.gz", (orjson.dumps({name: one[name] for name in kept}) for one in chosen))
    follows = mapped_follows(chosen, edges)
    _write("follows.tsv.gz", (f"{follower}\t{followee}".encode() for follower, followee in follows))


def _is_fit(post: Post) -> bool:
    if post["event"] in LEFT_OUT or "\\" in post["text"] or RUDE.search(post["text"]):
        return False
    try:
        posts.parse(post["text"])
    except Invalid:
        return False
    return True


def _ranked(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda one: (-counts[one], len(one), one))


def _edge(line: str) -> Edge:
    follower, followee = line.split()[:2]
    return follower, followee


def _write(name: str, lines: Iterable[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)
    (DATA / name).write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
