"""Readers whose homes are kept ready and full, whom they follow, and what each must read."""

import gzip
import heapq
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.ids import AccountId, PostId, compose
from infra.redis.home_keys import SHARDS, item_key, shard_of
from infra.redis.home_timelines import DEPTH, RedisHomeTimelines
from projections.home_timelines import AddPost, Operation, SetTie
from projections.windows import Window
from tests.bench.bench_text import SHARED
from tests.facts import NOON_MS

FOLLOWED: Final = 25
FEWEST, MOST = 100, 400
BATCH: Final = 500
PAGE: Final = 100
CHECKED: Final = 100
FOLLOWS: Final = SHARED / "data" / "graph" / "higgs_follow_prefix.tsv.gz"
ACTIVITY: Final = SHARED / "data" / "stream" / "higgs_activity.tsv.gz"
# As good as one call for each post can be: a list is cut now and then, and nothing is kept of what
# was cut.
BARE_PUSH: Final = f"""
local pushed = 0
for shard = 0, {SHARDS - 1} do
    local prefix = KEYS[1] .. ':{{' .. shard .. '}}:'
    for _, reader in ipairs(redis.call('SMEMBERS', prefix .. 'followers:' .. ARGV[1])) do
        local list = prefix .. 'cache:' .. reader
        if redis.call('RPUSHX', list, ARGV[2]) > {DEPTH + DEPTH // 4} then
            redis.call('LTRIM', list, {-DEPTH}, -1)
        end
        pushed = pushed + 1
    end
end
return pushed
"""
COPY: Final = """
for place = 1, #ARGV do
    redis.call('COPY', KEYS[1] .. ARGV[place], KEYS[2] .. ARGV[place], 'REPLACE')
end
"""


class Graph(NamedTuple):
    """Who follows each author, and who posts, in their order, as long as anybody asks."""

    name: str
    followers: Mapping[AccountId, Sequence[AccountId]]
    posting: Iterator[AccountId]


def synthetic(readers: int) -> Graph:
    """Of the shape of Twitter's own figures: FEWEST to MOST followers, 250 in the mean."""
    lot = random.Random(1)
    people = [_account(number) for number in range(readers)]
    authors = [_account(readers + n) for n in range(readers * FOLLOWED * 2 // (FEWEST + MOST))]
    followers = {author: lot.sample(people, lot.randint(FEWEST, MOST)) for author in authors}
    return Graph("synthetic", followers, _by_lot(authors))


def higgs() -> Graph:
    """The beginning of a real follow list, and its people in the order in which they tweeted."""
    followers: dict[AccountId, list[AccountId]] = defaultdict(list)
    for follower, followed in _rows(FOLLOWS):
        followers[_account(int(followed))].append(_account(int(follower)))
    posting = (_account(int(actor)) for _, actor, *_ in _rows(ACTIVITY))
    return Graph("Higgs", followers, (actor for actor in posting if actor in followers))


def _rows(path: Path) -> Iterator[Sequence[str]]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def _by_lot(authors: Sequence[AccountId]) -> Iterator[AccountId]:
    lot = random.Random(2)
    while True:
        yield lot.choice(authors)


def _account(number: int) -> AccountId:
    return AccountId(compose(NOON_MS - 999_000_000 + number, 1, 0))


class Town:
    """A graph in a store. Every post is kept here too, to say what homes must be."""

    def __init__(self, graph: Graph, store: RedisHomeTimelines, redis: Any, namespace: str) -> None:
        self.graph = graph
        self.store = store
        self.redis = redis
        self.namespace = namespace
        self.follows: dict[AccountId, list[AccountId]] = defaultdict(list)
        for author, followers in graph.followers.items():
            for reader in followers:
                self.follows[reader].append(author)
        self.posted: dict[AccountId, list[int]] = defaultdict(list)
        self._made = 0

    @property
    def mean_followed(self) -> float:
        """How many a reader follows."""
        return sum(map(len, self.follows.values())) / len(self.follows)

    def posts(self, number: int) -> list[AddPost]:
        """The next ones."""
        return [self._post(author) for author in islice(self.graph.posting, number)]

    def deliveries(self, posts: Sequence[AddPost]) -> int:
        """How many of them reach how many others."""
        return sum(len(self.graph.followers[post.author_id]) for post in posts)

    async def apply(self, operations: Sequence[Operation], partition: int = -1) -> None:
        """In batches, as a worker would."""
        for start in range(0, len(operations), BATCH):
            await self.store.apply(operations[start : start + BATCH], {partition: start})

    async def fill(self, each: int) -> None:
        """So many posts of each author, the graph, and everybody reads once."""
        authors = self.graph.followers
        await self.apply([self._post(author) for _ in range(each) for author in authors])
        ties = (SetTie(r, a, True, False, 1) for a, readers in authors.items() for r in readers)
        await self.apply([*ties])
        for number, reader in enumerate(self.follows):
            await self.store.page(reader, Window(), 1)
            if number % 100 == 0:
                await self.store.wait_for_rebuilds()
        await self.store.wait_for_rebuilds()

    async def check(self) -> int:
        """How many entries of homes, as deep as they are kept, are what they must be. Raises
        AssertionError for the first one that is not."""
        await self.store.wait_for_pushes()
        right = 0
        for reader in random.Random(3).sample([*self.follows], CHECKED):
            actors = [reader, *self.follows[reader]]
            known = (post for author in actors for post in self.posted[author])
            expected = heapq.nlargest(DEPTH, known)
            found: list[int] = []
            while len(found) < len(expected):
                window = Window(max_id=found[-1]) if found else Window()
                found += [item.item_id for item in await self.store.page(reader, window, PAGE)]
            assert found[: len(expected)] == expected
            right += len(expected)
        return right

    async def copy_to(self, namespace: str) -> None:
        """The lists and the followers, for bare scripts."""
        script = self.redis.register_script(COPY)
        keys = [f":{{{shard_of(reader)}}}:cache:{reader}" for reader in self.follows]
        for author in self.graph.followers:
            keys += [f":{{{shard}}}:followers:{author}" for shard in range(SHARDS)]
        for start in range(0, len(keys), BATCH):
            await script([self.namespace, namespace], keys[start : start + BATCH])

    async def push_bare(self, namespace: str, posts: Sequence[AddPost]) -> None:
        """A call for each post."""
        sha = await self.redis.script_load(BARE_PUSH)
        for author, post in posts:
            await self.redis.evalsha(sha, 1, namespace, author, item_key(post))

    def key(self, what: str, reader: AccountId, namespace: str = "") -> str:
        """Of what is kept for a reader, here or in another store."""
        return f"{namespace or self.namespace}:{{{shard_of(reader)}}}:{what}:{reader}"

    def forget(self, posts: Sequence[AddPost]) -> None:
        """Of bare scripts: no home has them."""
        for author, post in posts:
            self.posted[author].remove(post)

    async def rebuild(self, store: RedisHomeTimelines) -> None:
        """The same in another store, as a replay does: everything once, and homes for those who
        have them here."""
        everything: list[Operation] = [
            AddPost(author, PostId(post)) for author, some in self.posted.items() for post in some
        ]
        everything += [
            SetTie(reader, author, True, False, 1)
            for reader, authors in self.follows.items()
            for author in authors
        ]
        for start in range(0, len(everything), BATCH):
            await store.apply(everything[start : start + BATCH], {-1: start})
        await store.make_ready(await self.store.ready_readers())

    def _post(self, author: AccountId) -> AddPost:
        self._made += 1
        post_id = PostId(compose(NOON_MS + 10 * self._made, 0, 0))
        self.posted[author].append(post_id)
        return AddPost(author, post_id)
