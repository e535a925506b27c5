"""Fills a page of a timeline: asks for items until enough of them may be shown.

Items that the reader may not see are left out and the page is filled up with the next ones; a
post stands on a page once, as its highest item.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from domain.ids import PostId
from projections.items import Item, post_of, reposter_of
from projections.post_cards import Card
from projections.windows import Window
from read_api.hydration import cards_of
from read_api.sight import Sight
from read_api.views import Views

# How much more is asked for than is needed, in each round: one says whether the list goes on, more
# where much may not be shown or is the same post, for each round is a way to the stores and back.
# A reader who may see almost nothing gets a short page and a link.
ROUNDS_MAX: Final = 10
SPARES: Final = (1, *(min(2**turn, 512) for turn in range(4, 3 + ROUNDS_MAX)))

Skeleton = Callable[[Window, int], Awaitable[Sequence[Item]]]


class Filled(NamedTuple):
    """A page's items, newest first, with their cards; its highest and lowest item ids, and
    whether the list goes on in the direction it was read."""

    shown: Sequence[tuple[Item, Card]]
    newest: int | None
    oldest: int | None
    more: bool


async def fill(
    skeleton: Skeleton, window: Window, limit: int, views: Views, sight: Sight
) -> Filled:
    """The page of `limit` items that `window` asks for."""
    shown: list[tuple[Item, Card]] = []
    posts: set[PostId] = set()
    for spare in SPARES:
        wanted = limit - len(shown) + spare
        items = await skeleton(window, wanted)
        near = items[::-1] if window.upwards else items
        cards = await cards_of(list(map(post_of, near)), views, sight)
        let_through = _let_through(near, cards, sight)
        if not shown and len(cards) == len(let_through) == wanted:
            # As on most pages: nothing is left out, and no post is there twice.
            return _filled(let_through[:limit], window, more=True)
        for item, card in let_through:
            if item.post_id in posts:
                if window.upwards:
                    _raise_item(shown, item, card)
                continue
            if len(shown) == limit:
                return _filled(shown, window, more=True)
            posts.add(item.post_id)
            shown.append((item, card))
        if len(items) < wanted:
            return _filled(shown, window, more=False)
        window = beyond(window, near[-1].item_id)
    return _filled(shown, window, more=True)


def beyond(window: Window, item_id: int) -> Window:
    """What is left of the window behind an item, in the direction it is read."""
    if window.upwards:
        return window._replace(min_id=item_id)
    return window._replace(max_id=item_id)


def _let_through(
    items: Sequence[Item], cards: Mapping[PostId, Card], sight: Sight
) -> list[tuple[Item, Card]]:
    """Those that may be shown, with their posts."""
    if len(cards) == len(items) and not sight.muted and not any(map(reposter_of, items)):
        return list(zip(items, map(cards.__getitem__, map(post_of, items)), strict=True))
    found = ((item, cards[item.post_id]) for item in items if item.post_id in cards)
    return [(item, card) for item, card in found if may_show(item, card, sight)]


def may_show(item: Item, card: Card, sight: Sight) -> bool:
    """Whether the reader's rules let this item through (its post was already let through)."""
    reposter = item.reposted_by_id
    if reposter is not None and not sight.of_doer(reposter):
        return False
    return card.author_id not in sight.muted


def _raise_item(shown: list[tuple[Item, Card]], item: Item, card: Card) -> None:
    """Going upwards, a later item of a post replaces the one found below it."""
    shown[:] = [pair for pair in shown if pair[0].post_id != item.post_id]
    shown.append((item, card))


def _filled(shown: list[tuple[Item, Card]], window: Window, *, more: bool) -> Filled:
    """`window` is what was asked for last. A page on which nothing may be shown goes on there."""
    ordered = shown[::-1] if window.upwards else shown
    if not ordered:
        reached = (window.min_id if window.upwards else window.max_id) if more else None
        return Filled((), reached, reached, more)
    return Filled(ordered, ordered[0][0].item_id, ordered[-1][0].item_id, more)
