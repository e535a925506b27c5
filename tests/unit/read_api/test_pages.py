"""Pages are filled to the limit, without gaps and without a post twice, to the very first item."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import AccountId, ItemId, PostId
from projections.items import Item
from projections.post_cards import Card
from projections.windows import Window
from read_api.pages import SPARES, Filled, fill
from read_api.sight import Sight
from read_api.views import Views

AUTHORS = range(1, 5)
NOBODY: frozenset[AccountId] = frozenset()
Hidden = frozenset[int]


class Cards:
    """A card for every post of the timeline."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._authors = {item.post_id: item.author_id for item in items}

    async def cards(
        self, post_ids: Sequence[PostId], reader_id: AccountId | None
    ) -> Mapping[PostId, Card]:
        return {post_id: card(post_id, self._authors[post_id]) for post_id in post_ids}


class HiddenPosts:
    """Refuses some posts, and nobody."""

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden

    def suspended(self, account_id: AccountId) -> bool:
        return False

    closed = suspended

    def hidden(self, post_id: PostId) -> bool:
        return post_id in self._hidden

    def refused_of(self, account_ids: Collection[AccountId]) -> Set[AccountId]:
        return NOBODY

    def hidden_of(self, post_ids: Iterable[PostId]) -> Set[PostId]:
        return {post_id for post_id in post_ids if post_id in self._hidden}

    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]:
        return NOBODY

    muted_by = blocked_with


def card(post_id: PostId, author_id: AccountId) -> Card:
    return Card(post_id, author_id, None, None, post_id, None, None, 1, b"", b"")


def page(items: Sequence[Item], window: Window, limit: int, hidden: Hidden = frozenset()) -> Filled:
    async def skeleton(asked: Window, most: int) -> Sequence[Item]:
        found = [item for item in items if asked.above < item.item_id < asked.below]
        return found[-most:] if asked.upwards else found[:most]

    sight = Sight(None, NOBODY, NOBODY, HiddenPosts(hidden))
    views = cast("Views", type("OnlyCards", (), {"post_cards": Cards(items)}))
    return asyncio.run(fill(skeleton, window, limit, views, sight))


@st.composite
def timelines(draw: st.DrawFn) -> list[Item]:
    """Newest first; a post stands there as itself, as reposts or both."""
    posts = draw(st.lists(st.integers(0, 12), max_size=40))
    items = []
    for place, post in enumerate(posts, start=1):
        author = AccountId(1 + post % len(AUTHORS))
        reposter = AccountId(9) if post in posts[: place - 1] else None
        items.append(Item(ItemId(place * 10), PostId(post), author, reposter))
    return items[::-1]


hiding = st.frozensets(st.integers(0, 12), max_size=6)


def expected_down(items: Sequence[Item], below: int, limit: int) -> list[int]:
    """The items of the first `limit` posts below a place."""
    chosen: dict[int, int] = {}
    for item in items:
        if item.item_id < below and item.post_id not in chosen and len(chosen) < limit:
            chosen[item.post_id] = item.item_id
    return list(chosen.values())


def expected_up(items: Sequence[Item], above: int, limit: int) -> list[int]:
    """The `limit` posts next above a place, each as its highest item before one more post."""
    chosen: dict[int, int] = {}
    for item in reversed(items):
        if item.item_id <= above:
            continue
        if item.post_id not in chosen and len(chosen) == limit:
            break
        chosen[item.post_id] = item.item_id
    return sorted(chosen.values(), reverse=True)


@given(timelines(), hiding, st.lists(st.integers(1, 7), min_size=1))
@settings(max_examples=200)
def test_scrolling_down_shows_every_item_once_to_the_very_first(
    items: list[Item], hidden: Hidden, limits: list[int]
) -> None:
    visible = [item for item in items if item.post_id not in hidden]
    below = 10_000
    for limit in limits * (len(items) + 1):
        filled = page(items, Window(max_id=below), limit, hidden)

        shown = [item.item_id for item, _ in filled.shown]
        assert shown == expected_down(visible, below, limit)
        if not filled.more:
            assert not expected_down(visible, min([*shown, below]), 1) or _repeated(
                visible, filled, below
            )
            return
        assert filled.oldest is not None
        assert filled.oldest < below
        below = filled.oldest
    raise AssertionError("the walk did not end")


def _repeated(visible: Sequence[Item], filled: Filled, below: int) -> bool:
    """Whether everything further down is a post that is on the page already."""
    posts = {item.post_id for item, _ in filled.shown}
    return all(item.post_id in posts for item in visible if item.item_id < below)


@given(timelines(), hiding, st.lists(st.integers(1, 7), min_size=1))
@settings(max_examples=200)
def test_scrolling_up_shows_every_post_at_its_highest_place_to_the_newest(
    items: list[Item], hidden: Hidden, limits: list[int]
) -> None:
    visible = [item for item in items if item.post_id not in hidden]
    above = 0
    for limit in limits * (len(items) + 1):
        filled = page(items, Window(min_id=above), limit, hidden)

        assert [item.item_id for item, _ in filled.shown] == expected_up(visible, above, limit)
        if not filled.more:
            assert not [i for i in visible if i.item_id > (filled.newest or above)]
            return
        assert filled.newest is not None
        assert filled.newest > above
        above = filled.newest
    raise AssertionError("the walk did not end")


@given(timelines(), st.lists(hiding, min_size=1, max_size=5), st.integers(1, 6))
@settings(max_examples=200)
def test_hiding_and_showing_posts_meanwhile_loses_and_repeats_nothing_else(
    items: list[Item], hidings: list[Hidden], limit: int
) -> None:
    ever_hidden = frozenset[int]().union(*hidings)
    below, shown, represented = 10_000, list[int](), set[int]()
    for turn in range(len(items) + 1):
        filled = page(items, Window(max_id=below), limit, hidings[turn % len(hidings)])
        posts = [item.post_id for item, _ in filled.shown]
        assert len(set(posts)) == len(posts) <= limit
        shown += [item.item_id for item, _ in filled.shown]
        end = filled.oldest if filled.more and filled.oldest is not None else 0
        represented |= {
            item.item_id for item in items if end <= item.item_id < below and item.post_id in posts
        }
        if not filled.more:
            break
        below = end

    assert shown == sorted(set(shown), reverse=True)
    always = {item.item_id for item in items if item.post_id not in ever_hidden}
    assert always <= represented


def test_a_post_comes_again_on_a_later_page_as_its_lower_item() -> None:
    items = [
        Item(ItemId(30), PostId(1), AccountId(1), AccountId(9)),
        Item(ItemId(20), PostId(2), AccountId(2), None),
        Item(ItemId(10), PostId(1), AccountId(1), None),
    ]

    assert [i.item_id for i, _ in page(items, Window(), 1).shown] == [30]
    assert [i.item_id for i, _ in page(items, Window(max_id=20), 1).shown] == [10]
    assert [i.item_id for i, _ in page(items, Window(), 2).shown] == [30, 20]


def test_a_reader_who_may_see_almost_nothing_still_reaches_the_first_post() -> None:
    items = [
        Item(ItemId(place), PostId(place), AccountId(1), None) for place in range(4_000, 0, -1)
    ]
    hidden = frozenset(range(2, 4_001))
    window, pages = Window(), 0

    while True:
        filled = page(items, window, 1, hidden)
        pages += 1
        if filled.shown:
            break
        assert filled.more
        window = Window(max_id=filled.oldest)

    assert [item.post_id for item, _ in filled.shown] == [1]
    looked_at = sum(1 + spare for spare in SPARES)
    assert pages == 1 + 4_000 // looked_at
