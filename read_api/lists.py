"""What lists share: their shapes, their pages of posts or accounts, and where they go on."""

from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from domain.ids import AccountId
from domain.objects import Account, Post
from projections.post_cards import Card
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


def place(call: Call, kind: type[T], name: str) -> T | None:
    """Where the list named `name` goes on; None at its start. Raises Invalid."""
    cursor = call.query.cursor
    return None if cursor is None else decode_cursor(cursor, kind, of=name)


def next_link(call: Call, more: object | None, name: str) -> Headers:
    """The Link to what follows the place `more` of the list named `name`; None: it ends."""
    return cursor_links(call, after=None if more is None else encode_cursor(more, of=name))
