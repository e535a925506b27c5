"""What post cards cost in a file of 100,000 posts: `python -m tests.bench.bench_post_cards`.

Prints microseconds for each operation applied and for each call (the best of several rounds).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from domain.events import PostText, ReplyPosted, TweetPosted
from domain.ids import EPOCH_MS, AccountId, EventId, PostId, compose
from domain.objects import birth_members, text_members
from infra.sqlite.post_cards import SqlitePostCards
from projections.post_cards import AddPost, Operation, SetBookmark, SetLike, SetRepost

POSTS: Final = 100_000
PEOPLE: Final = 5_000
BATCH: Final = 200
ROUNDS: Final = 5
CALLS: Final = 500
BIRTH_MS: Final = EPOCH_MS + 500_000_000_000
TEXT: Final = PostText("A post of a usual length, which says something about the day. " * 3)

chance = random.Random(7)


def account(number: int) -> AccountId:
    return AccountId(compose(BIRTH_MS - PEOPLE + number, 0, 0))


def event_id(second: int) -> EventId:
    return EventId(compose(BIRTH_MS + 1_000 * second, 1, 0))


def anyone() -> AccountId:
    return account(chance.randrange(PEOPLE))


def post(number: int) -> AddPost:
    """Two of five are replies to one of the last hundred."""
    author = anyone()
    parent = None
    posted: TweetPosted | ReplyPosted
    if number > 100 and chance.random() < 0.4:
        parent = PostId(event_id(number - chance.randrange(1, 100)))
        posted = ReplyPosted(
            event_id=event_id(number),
            actor_id=author,
            in_reply_to_id=parent,
            in_reply_to_author_id=author,
            conversation_id=parent,
        )
    else:
        posted = TweetPosted(event_id=event_id(number), actor_id=author)
    return AddPost(
        posted.post_id,
        author,
        parent,
        None if parent is None else author,
        parent or posted.post_id,
        None,
        None,
        birth_members(posted),
        text_members(TEXT, version=1, edited_at_ms=None),
    )


def reaction(number: int) -> Operation:
    kind = chance.choice((SetLike, SetLike, SetRepost, SetBookmark))
    newest_first = POSTS - 1 - int(chance.paretovariate(0.5)) % POSTS
    return kind(anyone(), PostId(event_id(newest_first)), event_id(POSTS + number), on=True)


async def apply(store: SqlitePostCards, operations: Sequence[Operation]) -> float:
    """Microseconds for each operation, in batches as a busy server has them."""
    start = perf_counter()
    for at in range(0, len(operations), BATCH):
        await store.apply(operations[at : at + BATCH], {0: at})
    return (perf_counter() - start) / len(operations) * 1e6


async def best(call: Callable[[Any], Awaitable[Any]], asked: Sequence[Any]) -> float:
    """Microseconds a call, in the best of several rounds."""
    rounds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for one in asked:
            await call(one)
        rounds.append((perf_counter() - start) / len(asked) * 1e6)
    return min(rounds)


def page(size: int, newest: int) -> list[PostId]:
    """A random page of posts, newest first, out of the newest so many."""
    numbers = sorted(chance.sample(range(POSTS - newest, POSTS), size), reverse=True)
    return [PostId(event_id(number)) for number in numbers]


def show(title: str, micros: float) -> None:
    print(f"{title:48}{micros:8.1f} us")


async def measure(store: SqlitePostCards) -> None:
    show("add a post", await apply(store, [post(n) for n in range(POSTS)]))
    show("like, repost or bookmark one", await apply(store, [reaction(n) for n in range(POSTS)]))
    for size, newest in ((20, 300), (20, 3_000), (20, POSTS), (100, 3_000)):
        pages = [page(size, newest) for _ in range(CALLS)]
        title = f"{size} cards of the newest {newest:,}"
        show(f"{title}, for a reader", await best(lambda ids: store.cards(ids, anyone()), pages))
        show(f"{title}, for nobody", await best(lambda ids: store.cards(ids, None), pages))
    popular = [PostId(event_id(POSTS - 2))] * CALLS
    readers = [anyone() for _ in range(CALLS)]
    show("20 likers", await best(lambda post_id: store.likers(post_id, 20), popular))
    show("20 bookmarks", await best(lambda reader: store.bookmarks(reader, 20), readers))
    show("history", await best(lambda post_id: store.history(post_id, 20), popular))
    show("counts", await best(store.counts, popular))


def main() -> None:
    with TemporaryDirectory() as folder:
        store = SqlitePostCards(Path(folder) / "post_cards.db")
        asyncio.run(measure(store))
        store.close()


if __name__ == "__main__":
    main()
