"""How ids are written in Redis for home timelines, and in which shard a reader is.

`home_names.lua` has the names of the keys and says why ids look as they do.
"""

from typing import Final

from domain.ids import ID_MAX

# As in home_names.lua. For ever: a reader's keys are found by it.
SHARDS: Final = 16
_DIGITS: Final = len(str(ID_MAX))
# Knuth's multiplicative hash of the bits that differ most: ids of one millisecond are rare.
_MULTIPLIER: Final = 2_654_435_761
_BITS: Final = 32


def item_key(item_id: int) -> str:
    """An item or post id, or a bound of them, as text that sorts as the ids do."""
    return f"{item_id:0{_DIGITS}}"


def shard_of(account_id: int) -> int:
    """Where everything kept for a reader is."""
    mixed = (account_id ^ account_id >> _BITS) * _MULTIPLIER & ((1 << _BITS) - 1)
    return mixed * SHARDS >> _BITS
