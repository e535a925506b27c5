"""How the two of a pair stand to each other, in one register of the follower graph.

Folding sides gives the same in every order, and however often each comes: the highest version says
how one stands to the other, and an edge's id is the highest that came for it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from domain.ids import AccountId
from projections.follower_graph import SetTie

# As a side has them, and as the relationships are called.
KINDS: Final = ("follows", "blocks", "mutes")

# Who to whom.
Ends = tuple[AccountId, AccountId]
Row = list[Any]


class Side(NamedTuple):
    """How one of a pair stands to the other: what holds, and the id of each edge, 0 for none."""

    version: int = 0
    follows: bool = False
    blocks: bool = False
    mutes: bool = False
    follow_id: int = 0
    block_id: int = 0
    mute_id: int = 0

    def folded(self, other: "Side") -> "Side":
        """What both say together."""
        later = other if other.version >= self.version else self
        return later._replace(
            follow_id=max(self.follow_id, other.follow_id),
            block_id=max(self.block_id, other.block_id),
            mute_id=max(self.mute_id, other.mute_id),
        )

    @property
    def edges(self) -> tuple[int | None, ...]:
        """The id of the edge of each kind that holds."""
        return (
            self.follow_id if self.follows else None,
            self.block_id if self.blocks else None,
            self.mute_id if self.mutes else None,
        )


_UNRELATED: Final = Side()
_WIDTH: Final = len(Side._fields)
# What a register's row has: the pair, the lower id first, and the side of each. What is 0 or false
# is null there, which takes no place in the store.
PROPERTIES: Final = (
    *("low", "high"),
    *(f"low_{name}" for name in Side._fields),
    *(f"high_{name}" for name in Side._fields),
)


def pair_of(one: AccountId, other: AccountId) -> Ends:
    """The two, the lower id first."""
    return (one, other) if one < other else (other, one)


def sides_of(ties: Iterable[SetTie]) -> dict[Ends, Side]:
    """What these say of each who is in one, by who it is to whom."""
    sides: dict[Ends, Side] = {}
    for tie in ties:
        said = Side(
            tie.version,
            tie.follows,
            tie.blocks,
            tie.mutes,
            tie.follow_id,
            tie.block_id,
            tie.mute_id,
        )
        ends = tie.account_id, tie.other_id
        known = sides.get(ends)
        sides[ends] = said if known is None else known.folded(said)
    return sides


def changes(
    sides: Mapping[Ends, Side], registers: Iterable[Row], closed: Collection[AccountId]
) -> dict[str, list[Row]]:
    """What has to be written where these sides come to these registers: registers `made` and
    `changed`, edges `begun_...` and `ended_...` of each kind as [by, to, id]. Empty where they say
    nothing new. Ties to a closed account are none."""
    before = {(row[0], row[1]): _sides_in(row) for row in registers}
    written: dict[str, list[Row]] = defaultdict(list)
    for low, high in sorted({pair_of(*ends) for ends in sides}):
        if low in closed or high in closed:
            continue
        was = before.get((low, high), (_UNRELATED, _UNRELATED))
        both = (low, high), (high, low)
        now = [old.folded(sides.get(ends, old)) for old, ends in zip(was, both, strict=True)]
        if now != [*was]:
            row = [low, high, *(value or None for side in now for value in side)]
            written["changed" if (low, high) in before else "made"].append(row)
        for ends, old, new in zip(both, was, now, strict=True):
            for kind, held, holds in zip(KINDS, old.edges, new.edges, strict=True):
                if held is not None and held != holds:
                    written[f"ended_{kind}"].append([*ends, held])
                if holds is not None and held != holds:
                    written[f"begun_{kind}"].append([*ends, holds])
    return written


def _sides_in(row: Row) -> tuple[Side, Side]:
    values: list[Any] = [value or 0 for value in row[2:]]
    return Side(*values[:_WIDTH]), Side(*values[_WIDTH:])
