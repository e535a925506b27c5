"""The folder that is measured: a real graph and posts by whom its people follow, imported.

The follow file is the beginning of a longer one: only 5,395 of its 76,851 people have their own
lists in it. So that there are more readers, others of its people follow some of those whom one
of the listed follows; which, is drawn by lot, the same in every run.
"""

import asyncio
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, time
from typing import Final

import msgspec

from domain.ids import AccountId
from infra.folder import LOG_FILE
from infra.importing.file_ids import FileIds
from infra.importing.imports import Files, Imports
from infra.importing.outside import Outside
from infra.importing.people import key_of
from infra.importing.tally import Progress
from infra.local_identity.access_tokens import LIFETIME_S, AccessTokens
from infra.local_identity.provider import NAME
from infra.local_identity.signing_keys import SigningKeys
from infra.profiles.embedded import Embedded
from infra.settings import load
from infra.sqlite.identity import SqliteIdentityStore
from infra.sqlite.import_index import SqliteImportIndex
from tests.bench.bench_text import SHARED

FOLLOWS: Final = SHARED / "data" / "graph" / "higgs_follow_prefix.tsv.gz"
TEXTS: Final = SHARED / "data" / "posts" / "mklab_tweets.jsonl.gz"
READERS: Final = 11_000
FOLLOWED_BY_OTHERS: Final = 30
AUTHORS: Final = 2_000
POSTS_EACH: Final = 10
PAGE: Final = 20
NAMESPACE: Final = "higgs"
FIRST_POST_S: Final = 1_341_100_800
POSTED_WITHIN_S: Final = 7 * 86_400
KEPT: Final = "bench_world.json"

Graph = Mapping[str, Sequence[str]]


class World(msgspec.Struct, frozen=True):
    """Who is in a folder: readers whose homes have a full page, authors by popularity, each
    with somebody who reads them."""

    readers: Sequence[int]
    authors: Sequence[int]
    reader_of: Mapping[int, int]
    events: int
    import_s: float
    catch_up_s: float


def settings_of(folder: Path) -> Mapping[str, str]:
    """The environment of whoever opens the folder."""
    return {
        "STARLING_DATA": str(folder),
        "STARLING_RATE_LIMITS": "off",
        "STARLING_SAMPLE": "0",
        "STARLING_ARGON2_COST": "lowest",
        "STARLING_LOG_LEVEL": "warning",
    }


def world_in(folder: Path, say: Callable[[str], None]) -> World:
    """The world of the folder, made there if it is not there yet."""
    kept = folder / KEPT
    if not kept.exists():
        kept.write_bytes(msgspec.json.encode(_make(folder, say)))
    return msgspec.json.decode(kept.read_bytes(), type=World, strict=False)


async def tokens_for(folder: Path, people: Iterable[int]) -> list[str]:
    """Access tokens signed with the folder's own key, dated so that they outlast the bench.
    Nobody may serve the folder meanwhile."""
    store = SqliteIdentityStore(folder / "identity.db")
    keys = SigningKeys(store, clock=time, tokens_live_s=LIFETIME_S)
    later = lambda: time() + 10 * LIFETIME_S  # noqa: E731 - a clock
    tokens = AccessTokens(keys, issuer=NAME, audience=NAME, clock=later)

    try:
        keys.heard(store.begin(keys.new(), 0).keys)
        return [await tokens.make(AccountId(one), f"bench-{one}", ()) for one in people]
    finally:
        store.close()


def texts() -> Iterator[str]:
    """Real tweets, over and over."""
    with gzip.open(TEXTS, "rt", encoding="utf-8") as lines:
        return cycle([json.loads(line)["text"] for line in lines])


def _make(folder: Path, say: Callable[[str], None]) -> World:
    chance = random.Random(7)
    listed = _listed()
    followers = Counter(other for others in listed.values() for other in others)
    authors = [person for person, _ in followers.most_common(AUTHORS)]
    more = _more(listed, followers, set(authors), chance)
    folder.mkdir(parents=True, exist_ok=True)
    posts, follows = folder / "bench_posts.jsonl", folder / "bench_follows.tsv"
    _write_posts(posts, authors, chance)
    follows.write_text("".join(f"{a}\t{b}\n" for a, others in more.items() for b in others))
    files = Files(posts=(str(posts),), follows=(str(FOLLOWS), str(follows)), namespace=NAMESPACE)
    graph = {**listed, **more}
    readers = _full(graph, set(authors))
    return asyncio.run(imported(folder, files, graph, readers, authors, say))


def _listed() -> Graph:
    found: defaultdict[str, list[str]] = defaultdict(list)
    with gzip.open(FOLLOWS, "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                follower, followee = line.split()
                found[follower].append(followee)
    return found


def _more(
    listed: Graph, followers: Iterable[str], authors: set[str], chance: random.Random
) -> Graph:
    lists = [
        kept
        for others in listed.values()
        if len(kept := [other for other in others if other in authors]) >= PAGE // 2
    ]
    lacking = READERS - len(_full(listed, authors))
    unlisted = [person for person in followers if person not in listed]
    found = {}
    for person in islice(unlisted, lacking):
        theirs = [other for other in chance.choice(lists) if other != person]
        found[person] = chance.sample(theirs, min(FOLLOWED_BY_OTHERS, len(theirs)))
    return found


def _full(graph: Graph, authors: set[str]) -> list[str]:
    """Who follows enough of those who post for more than a page."""
    enough = PAGE // POSTS_EACH + 1
    return [
        reader
        for reader, others in graph.items()
        if sum(other in authors for other in others) >= enough
    ]


def _write_posts(path: Path, authors: Sequence[str], chance: random.Random) -> None:
    moments = sorted(chance.randrange(POSTED_WITHIN_S) for _ in range(len(authors) * POSTS_EACH))
    written = [author for author in authors for _ in range(POSTS_EACH)]
    chance.shuffle(written)
    with path.open("w", encoding="utf-8") as lines:
        for number, (author, moment, text) in enumerate(
            zip(written, moments, texts(), strict=False)
        ):
            at = _rfc3339(FIRST_POST_S + moment)
            post = {"id": f"bench{number}", "user": author, "created_at": at, "text": text}
            lines.write(json.dumps(post) + "\n")


def _rfc3339(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def imported(
    folder: Path,
    files: Files,
    graph: Graph,
    readers: Sequence[str],
    authors: Sequence[str],
    say: Callable[[str], None],
) -> World:
    """The world of the folder, once the files are in it."""
    settings, _ = load(settings_of(folder))
    with Embedded(settings, crashed=_crashed) as embedded:
        index = SqliteImportIndex(folder / LOG_FILE, embedded.keyring)
        outside = Outside(embedded.ports, embedded.keyring, index, folder)

        def report(progress: Progress) -> None:
            say(f"{progress.phase}: {progress.events:,} events, {progress.events_per_s:,.0f}/s")

        summary = await Imports(outside).run(files, report)
        began = perf_counter()
        say("The projections catch up")
        await embedded.runner.catch_up()
        caught_up = perf_counter() - began
        people = FileIds(NAMESPACE, index, embedded.ports.handles)
        ids = {person: _known(people, person) for person in {*readers, *authors}}
        index.close()
    wanted = set(authors)
    reader_of = {other: reader for reader in readers for other in graph[reader] if other in wanted}
    return World(
        readers=[ids[reader] for reader in readers],
        authors=[ids[author] for author in authors],
        reader_of={ids[author]: ids[reader] for author, reader in reader_of.items()},
        events=summary.events,
        import_s=summary.elapsed_s,
        catch_up_s=caught_up,
    )


def _known(people: FileIds, person: str) -> AccountId:
    found = people.person(key_of(person))
    assert found is not None, person
    return found


def _crashed(projection: str, error: BaseException) -> None:
    raise RuntimeError(f"{projection} stopped") from error
