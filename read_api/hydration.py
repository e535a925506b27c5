"""From ids to what clients get: posts and accounts in bulk, joined as bytes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Final

import msgspec

from domain.ids import AccountId, PostId
from domain.objects import AccountViewer, account_json, post_json
from projections.post_cards import Card
from projections.projection import StoreUnavailable
from read_api.sight import Sight
from read_api.views import Views

STRANGER: Final = AccountViewer()
NO_EDGES: Final = (0, 0)
NOT_KNOWN: Final = b"null"


async def cards_of(post_ids: Sequence[PostId], views: Views, sight: Sight) -> Mapping[PostId, Card]:
    """The posts that are there and that the reader may see."""
    return sight.cards_of(await views.post_cards.cards(post_ids, sight.reader_id))


def render_post(card: Card, sight: Sight) -> bytes:
    """One post as JSON."""
    return post_json(card.members, None if sight.reader_id is None else card.viewer)


async def render_accounts(
    account_ids: Collection[AccountId], views: Views, sight: Sight
) -> dict[AccountId, bytes]:
    """Accounts as JSON, those that are there and that the reader may see."""
    ids = tuple(sight.accounts_of(account_ids))
    if not ids:
        return {}
    profiles = await views.account_directory.profiles(ids)
    tweets = await views.author_timelines.tweet_counts(ids)
    edges = await views.follower_graph.counts(ids)
    reader = sight.reader_id
    relations = {} if reader is None else await views.follower_graph.relations(reader, ids)
    rendered = {}
    for account_id, profile in profiles.items():
        followers, following = edges.get(account_id, NO_EDGES)
        counts = b'{"tweets":%d,"followers":%d,"following":%d}' % (
            tweets.get(account_id, 0),
            followers,
            following,
        )
        viewer = None if reader is None else _viewer_json(relations.get(account_id, STRANGER))
        rendered[account_id] = account_json(profile, counts, viewer)
    return rendered


async def includes(
    cards: Iterable[Card], others: Iterable[AccountId], views: Views, sight: Sight
) -> bytes:
    """The `includes` member of a page: the posts that its posts quote or answer, and everybody
    who wrote or did something on it."""
    shown = {card.post_id: card for card in cards}
    further = await _referred(shown, views, sight)
    return await _includes(further, [*shown.values(), *further], others, views, sight)


async def includes_with(
    cards: Iterable[Card], others: Iterable[AccountId], views: Views, sight: Sight
) -> bytes:
    """The `includes` member of a page whose items only name posts: with those posts themselves."""
    named = {card.post_id: card for card in cards}
    posts = [*named.values(), *await _referred(named, views, sight)]
    return await _includes(posts, posts, others, views, sight)


def page_json(items: Iterable[bytes], included: bytes) -> bytes:
    """A list as clients get it."""
    return b'{"items":[%b],"includes":%b}' % (b",".join(items), included)


async def _referred(shown: Mapping[PostId, Card], views: Views, sight: Sight) -> Collection[Card]:
    """What the posts quote or answer and is not among them."""
    references = {card.quote_of_id for card in shown.values()}
    references |= {card.in_reply_to_id for card in shown.values()}
    wanted = sorted(ref for ref in references if ref is not None and ref not in shown)
    return (await cards_of(wanted, views, sight)).values() if wanted else ()


async def _includes(
    posts: Iterable[Card],
    by: Iterable[Card],
    others: Iterable[AccountId],
    views: Views,
    sight: Sight,
) -> bytes:
    """`posts`, and who wrote those in `by`."""
    people = {card.author_id for card in by}
    people.update(others)
    accounts = await _companions(people, views, sight)
    rendered = b",".join(render_post(card, sight) for card in posts)
    return b'{"accounts":[%b],"posts":[%b]}' % (b",".join(accounts.values()), rendered)


async def _companions(
    account_ids: Collection[AccountId], views: Views, sight: Sight
) -> dict[AccountId, bytes]:
    """Accounts that come along with what was asked for: what a store that cannot be reached knows
    of them is left out, for the page is not about them."""
    try:
        return await render_accounts(account_ids, views, sight)
    except StoreUnavailable:
        viewer = None if sight.reader_id is None else NOT_KNOWN
    try:
        profiles = await views.account_directory.profiles(tuple(sight.accounts_of(account_ids)))
    except StoreUnavailable:
        return {}
    return {one: account_json(profile, NOT_KNOWN, viewer) for one, profile in profiles.items()}


@cache
def _viewer_json(viewer: AccountViewer) -> bytes:
    """There are 32 of them."""
    return msgspec.json.encode(viewer)
