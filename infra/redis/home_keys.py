"""How ids are written in Redis for home timelines, and in which cell and shard a reader is.

`home_names.lua` has the names of the keys and says why ids look as they do.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from domain.ids import ID_MAX, PostId
from projections.items import Item

# As in home_names.lua. For ever: a reader's keys are found by it.
SHARDS: Final = 16
# The least id of as many digits as the highest one has.
_LONG: Final = 10**18
# Knuth's multiplicative hash of the bits that differ most: ids of one millisecond are rare.
_MULTIPLIER: Final = 2_654_435_761
_BITS: Final = 32
# Bits that do not tell the shard, and high ones: those on the right mix the least.
_PART_FROM, _PART_BITS = 12, 16
_ACCOUNT_MAX: Final = len(str(ID_MAX))
# Some 400 bytes each.
READ_MAX: Final = 16_384


def item_key(item_id: int) -> str:
    """An item or post id, or a bound of them, as text that sorts as the ids do and that Redis
    keeps as an integer."""
    return str(item_id if item_id >= _LONG else -_LONG - item_id)


def item_of(key: bytes | str) -> int:
    """The id that `item_key` wrote."""
    number = int(key)
    return number if number >= 0 else -_LONG - number


class Items:
    """Reads what one namespace's scripts answer. An item never changes and is on the pages of all
    who follow its author, so about `limit` of them are remembered by their keys."""

    def __init__(self, limit: int = READ_MAX) -> None:
        self._limit = limit
        self._known: dict[bytes | str, Item] = {}

    def of(self, answer: Sequence[Any], first: int) -> list[Item]:
        """What an answer has from a place on: item, value, item, value ..."""
        keys = answer[first::2]
        try:
            return list(map(self._known.__getitem__, keys))
        except KeyError:
            if len(self._known) >= self._limit:
                self._known.clear()
            items = list(map(read_item, keys, answer[first + 1 :: 2]))
            self._known.update(zip(keys, items, strict=True))
            return items


def read_item(key: bytes | str, value: bytes | str) -> Item:
    """The value of an own post is its author; of a repost, who reposts, the post and its author."""
    # Ids as they come: to call each by its name takes longer than all the rest.
    number: Callable[[bytes | str], Any] = int
    item_id: Any = item_of(key)
    if len(value) <= _ACCOUNT_MAX:
        return Item(item_id, item_id, number(value), None)
    actor, post, author = value.split()
    return Item(item_id, PostId(item_of(post)), number(author), number(actor))


def shard_of(account_id: int) -> int:
    """Where everything kept for a reader is, within their cell."""
    return _mixed(account_id) * SHARDS >> _BITS


def part_of(account_id: int, parts: int) -> int:
    """In which of so many cells a reader is, whatever their shard."""
    return (_mixed(account_id) >> _PART_FROM & ((1 << _PART_BITS) - 1)) * parts >> _PART_BITS


def _mixed(account_id: int) -> int:
    return (account_id ^ account_id >> _BITS) * _MULTIPLIER & ((1 << _BITS) - 1)
