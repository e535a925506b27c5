"""The tables of post cards in Cassandra.

`posts` is a row for each post: what never changes, the text of its newest edit (an edit's version
is its timestamp), and whether it is deleted. What an account did with a post is a row of the
account's list DONE, one register in each column: the id of the event that decided, negative where
it took the reaction away, which is also its timestamp.
"""

from collections.abc import Iterator
from typing import Final

from cassandra.query import UNSET_VALUE

from domain.ids import AccountId, PostId
from infra.cassandra.bucketed_lists import (
    DIRECTORY_COLUMNS,
    DIRECTORY_KEY,
    LIST_COLUMNS,
    LIST_KEY,
    BucketedLists,
    Place,
)
from infra.cassandra.tallies import SCHEMA as TALLIES
from infra.cassandra.tallies import Member
from infra.cassandra.view_tables import FOR_EVER, ONCE, Write
from projections.post_cards import (
    AddPost,
    DropAccount,
    DropPost,
    EditPost,
    Operation,
    SetBookmark,
    SetLike,
    SetRepost,
)

# Lists: who liked or reposted a post; what an account bookmarked, wrote, did something with.
LIKES, REPOSTS, BOOKMARKS, WRITTEN, DONE = range(5)
# Sets that are counted; likes and reposts are those of the lists.
REPLIES, QUOTES = 5, 6
COLUMNS: Final = "item_id, other_id, liked, reposted, bookmarked"

# The edits of a deleted post are deleted, not overwritten: what deletes them is kept for ten years,
# so that one that comes late stays away.
SCHEMA: Final = {
    **TALLIES,
    "buckets": f"{DIRECTORY_COLUMNS}, {DIRECTORY_KEY}",
    "items": f"""{LIST_COLUMNS}, other_id bigint, liked bigint, reposted bigint,
    bookmarked bigint, {LIST_KEY}""",
    "posts": """post_id bigint PRIMARY KEY, author_id bigint, in_reply_to_id bigint,
    in_reply_to_author_id bigint, conversation_id bigint, quote_of_id bigint,
    quote_of_author_id bigint, birth blob, text blob, version int, edited blob,
    deleted boolean""",
    "edits": """post_id bigint, version int, event_id bigint, text blob,
    PRIMARY KEY (post_id, version)|WITH gc_grace_seconds = 315360000""",
    "closed": "account_id bigint PRIMARY KEY",
}
_ADD: Final = """INSERT INTO @posts (post_id, author_id, in_reply_to_id, in_reply_to_author_id,
conversation_id, quote_of_id, quote_of_author_id, birth, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_EDIT: Final = "UPDATE @posts USING TIMESTAMP ? SET version = ?, edited = ? WHERE post_id = ?"
_KEEP_EDIT: Final = """INSERT INTO @edits (post_id, version, event_id, text) VALUES (?, ?, ?, ?)
USING TIMESTAMP ?"""
# What was said is overwritten, not only hidden.
_DROP: Final = """UPDATE @posts USING TIMESTAMP ?
SET deleted = true, birth = 0x, text = 0x, edited = 0x WHERE post_id = ?"""
_DROP_EDITS: Final = "DELETE FROM @edits USING TIMESTAMP ? WHERE post_id = ?"
_CLOSE: Final = "INSERT INTO @closed (account_id) VALUES (?) USING TIMESTAMP ?"
_PUT: Final = """INSERT INTO @items (owner_id, list, bucket, item_id, other_id)
VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_REGISTER: Final = """INSERT INTO @items (owner_id, list, bucket, item_id, {register})
VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"""
_UNDO: Final = """INSERT INTO @items
(owner_id, list, bucket, item_id, liked, reposted, bookmarked) VALUES (?, ?, ?, ?, 0, 0, 0)
USING TIMESTAMP ?"""

# As events of a reply's or a quote's place in the set of those of a post.
_CAME, _WENT = 1, 2


_REGISTERS: Final = {
    SetLike: _REGISTER.format(register="liked"),
    SetRepost: _REGISTER.format(register="reposted"),
    SetBookmark: _REGISTER.format(register="bookmarked"),
}


def writes_of(operation: Operation, lists: BucketedLists) -> Iterator[Write]:
    """What an operation says by itself, without its memberships."""
    match operation:
        case AddPost():
            values = (UNSET_VALUE if value is None else value for value in operation)
            yield Write(operation.post_id, _ADD, (*values, ONCE))
        case EditPost(post_id, _, version, event_id, text):
            yield Write(post_id, _EDIT, (version, version, text, post_id))
            yield Write(post_id, _KEEP_EDIT, (post_id, version, event_id, text, ONCE))
        case DropPost(post_id):
            yield from drops_of(post_id)
        case SetLike() | SetRepost() | SetBookmark():
            yield from _reaction(operation, lists)
        case DropAccount(account_id):
            yield Write(account_id, _CLOSE, (account_id, ONCE))
    for place, other_id in _items_of(operation):
        partition = lists.partition_of(*place)
        yield Write(partition, _PUT, (*partition, place[2], other_id, ONCE))


def _reaction(
    operation: SetLike | SetRepost | SetBookmark, lists: BucketedLists
) -> Iterator[Write]:
    account_id, post_id, event_id, on = operation
    partition = lists.partition_of(account_id, DONE, post_id)
    decided = event_id if on else -event_id
    yield Write(partition, _REGISTERS[type(operation)], (*partition, post_id, decided, event_id))


def _items_of(operation: Operation) -> Iterator[tuple[Place, int]]:
    """The rows of lists that only point at something, with what they point at."""
    match operation:
        case AddPost(post_id, author_id) | EditPost(post_id, author_id):
            yield (author_id, WRITTEN, post_id), post_id
        case SetBookmark(account_id, post_id, event_id, True):
            yield (account_id, BOOKMARKS, event_id), post_id
        case SetLike(account_id, post_id, event_id, True):
            yield (post_id, LIKES, event_id), account_id
        case SetRepost(account_id, post_id, event_id, True):
            yield (post_id, REPOSTS, event_id), account_id
        case _:
            pass


def places_of(operation: Operation) -> Iterator[Place]:
    """All rows of lists that an operation has."""
    for place, _ in _items_of(operation):
        yield place
    if isinstance(operation, SetLike | SetRepost | SetBookmark):
        yield operation.account_id, DONE, operation.post_id


def members_of(operation: Operation) -> Iterator[Member]:
    """The memberships that an operation says."""
    match operation:
        case AddPost():
            target = operation.in_reply_to_id, operation.quote_of_id
            yield from told_posts(operation.post_id, *target, there=True)
        case SetLike(account_id, post_id, event_id, on):
            yield Member(post_id, LIKES, account_id, event_id, on)
        case SetRepost(account_id, post_id, event_id, on):
            yield Member(post_id, REPOSTS, account_id, event_id, on)
        case _:
            pass


def told_posts(
    post_id: PostId, in_reply_to_id: PostId | None, quote_of_id: PostId | None, *, there: bool
) -> Iterator[Member]:
    """A post among the replies and quotes of those it speaks of."""
    event_id = _CAME if there else _WENT
    for family, target_id in ((REPLIES, in_reply_to_id), (QUOTES, quote_of_id)):
        if target_id is not None:
            yield Member(target_id, family, post_id, event_id, there)


def drops_of(post_id: PostId) -> Iterator[Write]:
    """A post is gone, whatever comes after."""
    yield Write(post_id, _DROP, (FOR_EVER, post_id))
    yield Write(post_id, _DROP_EDITS, (FOR_EVER, post_id))


def undoing_of(account_id: AccountId, post_id: PostId, lists: BucketedLists) -> Write:
    """Nothing that the account did with the post stands, whatever comes after."""
    partition = lists.partition_of(account_id, DONE, post_id)
    return Write(partition, _UNDO, (*partition, post_id, FOR_EVER))


def undone_members(account_id: AccountId, post_id: PostId) -> Iterator[Member]:
    """The account is in none of the post's sets, whatever comes after."""
    for family in (LIKES, REPOSTS):
        yield Member(post_id, family, account_id, FOR_EVER, live=False)
