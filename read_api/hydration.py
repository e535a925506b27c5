"""From ids to what clients get: posts and accounts in bulk, joined as bytes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Final

import msgspec

from domain.ids import AccountId, PostId
from domain.objects import AccountViewer, account_body, account_end, post_json
from projections.follower_graph import EdgeCounts
from projections.post_cards import Card
from projections.projection import StoreUnavailable
from read_api.sight import Sight
from read_api.views import Views

STRANGER: Final = AccountViewer()
# Of all that there are.
ENDS: Final = {
    viewer: account_end(msgspec.json.encode(viewer))
    for viewer in (AccountViewer(*flags) for flags in product((False, True), repeat=5))
}
NO_EDGES: Final = EdgeCounts()
NOT_KNOWN: Final = b"null"
NOT_KNOWN_END: Final = account_end(NOT_KNOWN)
END: Final = account_end(None)


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
    bodies = views.bodies.known(ids)
    if sight.reader_id is None:
        if bodies is None:
            bodies = await _bodies(ids, views)
        return {one: body + END for one, body in bodies.items()}
    asked = views.follower_graph.relations(sight.reader_id, ids)
    if bodies is None:
        # In this order all of it is asked for in one turn of the loop, and so at once.
        bodies, relations = await views.ask(_bodies(ids, views), asked)
    else:
        relations = await asked
    return {one: body + ENDS[relations.get(one, STRANGER)] for one, body in bodies.items()}


def bodies_of(
    profiles: Mapping[AccountId, bytes],
    tweets: Mapping[AccountId, int],
    edges: Mapping[AccountId, EdgeCounts],
) -> dict[AccountId, bytes]:
    """Accounts as JSON but for their ends, of those that have a profile."""
    bodies = {}
    for account_id, profile in profiles.items():
        followers, following = edges.get(account_id, NO_EDGES)
        counts = b'{"tweets":%d,"followers":%d,"following":%d}' % (
            tweets.get(account_id, 0),
            followers,
            following,
        )
        bodies[account_id] = account_body(profile, counts)
    return bodies


async def includes(
    cards: Collection[Card], others: Iterable[AccountId], views: Views, sight: Sight
) -> bytes:
    """The `includes` member of a page: the posts that its posts quote or answer, and everybody
    who wrote or did something on it."""
    referred, people = await _around(cards, others, views, sight)
    return _includes(people, referred, sight)


async def includes_with(
    cards: Iterable[Card], others: Iterable[AccountId], views: Views, sight: Sight
) -> bytes:
    """The `includes` member of a page whose items only name posts: with those posts themselves."""
    named = {card.post_id: card for card in cards}.values()
    referred, people = await _around(named, others, views, sight)
    return _includes(people, [*named, *referred], sight)


def page_json(items: Iterable[bytes], included: bytes) -> bytes:
    """A list as clients get it."""
    return b'{"items":[%b],"includes":%b}' % (b",".join(items), included)


async def _around(
    posts: Collection[Card], others: Iterable[AccountId], views: Views, sight: Sight
) -> tuple[Collection[Card], Iterable[bytes]]:
    """What the posts quote or answer and is not among them; everybody who wrote one of all these,
    and `others`, as JSON."""
    people = {card.author_id for card in posts}
    people.update(others)
    authors = _referred(posts)
    if not authors:
        return (), (await _companions(people, views, sight)).values()
    # Their authors are known before they are: asked for together, of whom those may not be shown
    # whose posts turn out not to be there.
    cards, accounts = await views.ask(
        cards_of(sorted(authors), views, sight),
        _companions(people.union(authors.values()), views, sight),
    )
    people.update(card.author_id for card in cards.values())
    return cards.values(), [json for one, json in accounts.items() if one in people]


def _referred(posts: Collection[Card]) -> dict[PostId, AccountId]:
    """What the posts quote or answer and is not among them, and who wrote it."""
    found: dict[PostId, AccountId] = {}
    for card in posts:
        # Most do neither.
        if card.quote_of_id is not None and card.quote_of_author_id is not None:
            found[card.quote_of_id] = card.quote_of_author_id
        if card.in_reply_to_id is not None and card.in_reply_to_author_id is not None:
            found[card.in_reply_to_id] = card.in_reply_to_author_id
    if not found:
        return found
    shown = {card.post_id for card in posts}
    return {post_id: author_id for post_id, author_id in found.items() if post_id not in shown}


async def _bodies(ids: Sequence[AccountId], views: Views) -> Mapping[AccountId, bytes]:
    return bodies_of(
        *await views.ask(
            views.account_directory.profiles(ids),
            views.author_timelines.tweet_counts(ids),
            views.follower_graph.counts(ids),
        )
    )


def _includes(people: Iterable[bytes], posts: Iterable[Card], sight: Sight) -> bytes:
    rendered = b",".join(render_post(card, sight) for card in posts)
    return b'{"accounts":[%b],"posts":[%b]}' % (b",".join(people), rendered)


async def _companions(
    account_ids: Collection[AccountId], views: Views, sight: Sight
) -> dict[AccountId, bytes]:
    """Accounts that come along with what was asked for: what a store that cannot be reached knows
    of them is left out, for the page is not about them."""
    try:
        return await render_accounts(account_ids, views, sight)
    except StoreUnavailable:
        end = END if sight.reader_id is None else NOT_KNOWN_END
    try:
        profiles = await views.account_directory.profiles(tuple(sight.accounts_of(account_ids)))
    except StoreUnavailable:
        return {}
    return {one: account_body(profile, NOT_KNOWN) + end for one, profile in profiles.items()}
