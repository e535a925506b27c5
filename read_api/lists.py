"""What lists share: their shapes, their pages of posts or accounts, and where they go on."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from domain.ids import AccountId
from domain.objects import Account, Post
from projections.post_cards import Card
from read_api.filling import Read, fill_part
from read_api.hydration import includes, page_json, render_accounts, render_post
from read_api.sight import Sight
from read_api.views import Views
from web.paging import cursor_links, decode_cursor, encode_cursor
from web.routing import Call, Reply

Headers = tuple[tuple[str, str], ...]
T = TypeVar("T")

NO_INCLUDES: Final = b'{"accounts":[],"posts":[]}'
ACCOUNTS_SHOWN_WITH: Final = ("account_directory", "follower_graph", "author_timelines")
POSTS_SHOWN_WITH: Final = ("post_cards", *ACCOUNTS_SHOWN_WITH)


class OfAccount(Hashable, Protocol):
    """An entry of a list of accounts."""

    @property
    def account_id(self) -> AccountId:
        """Who it is."""


OfAccountT = TypeVar("OfAccountT", bound=OfAccount)


class Includes(msgspec.Struct, frozen=True):
    """What the items refer to."""

    accounts: tuple[Account, ...]
    posts: tuple[Post, ...]


class PostsPage(msgspec.Struct, frozen=True):
    items: tuple[Post, ...]
    includes: Includes


class AccountsPage(msgspec.Struct, frozen=True):
    items: tuple[Account, ...]
    includes: Includes


async def posts_page(shown: Sequence[Card], headers: Headers, views: Views, sight: Sight) -> Reply:
    """A list of posts."""
    items = [render_post(card, sight) for card in shown]
    return Reply(200, page_json(items, await includes(shown, (), views, sight)), headers)


async def accounts_page(
    people: Sequence[AccountId], headers: Headers, views: Views, sight: Sight
) -> Reply:
    """A list of accounts, those of `people` that the reader may see."""
    rendered = await render_accounts(people, views, sight)
    items = [rendered[account_id] for account_id in people if account_id in rendered]
    return Reply(200, page_json(items, NO_INCLUDES), headers)


async def accounts_part(
    call: Call,
    name: str,
    read: Read[OfAccountT],
    views: Views,
    sight: Sight,
    *,
    place_of: Callable[[OfAccountT], object],
) -> Reply:
    """The page that `call` asks for of the list named `name`, filled with accounts that the reader
    may see; `place_of` says where the list goes on behind an entry."""

    async def show(found: Sequence[OfAccountT]) -> Mapping[OfAccountT, AccountId]:
        people = sight.accounts_of(entry.account_id for entry in found)
        return {entry: entry.account_id for entry in found if entry.account_id in people}

    part = await fill_part(read, show, call.query.limit)
    more = None if part.reached is None else place_of(part.reached)
    return await accounts_page(part.shown, next_link(call, more, name), views, sight)


def place(call: Call, kind: type[T], name: str) -> T | None:
    """Where the list named `name` goes on; None at its start. Raises Invalid."""
    cursor = call.query.cursor
    return None if cursor is None else decode_cursor(cursor, kind, of=name)


def next_link(call: Call, more: object | None, name: str) -> Headers:
    """The Link to what follows the place `more` of the list named `name`; None: it ends."""
    return cursor_links(call, after=None if more is None else encode_cursor(more, of=name))
