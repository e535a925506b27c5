"""Pushes posts to followers in one cell, a bounded number of deliveries at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.ids import AccountId
from infra.redis.home_keys import SHARDS, item_key, shard_of
from infra.redis.scripts import Call, Scripts

# An author goes back to being pushed below this share of the threshold.
HYSTERESIS: Final = 0.8
# Posts that one script is given.
TOGETHER: Final = 500


class Posted(NamedTuple):
    """Who posted or reposted, and what stands in homes then."""

    actor_id: AccountId
    item_id: int


class Left(NamedTuple):
    """An item still to be pushed, and to how many."""

    item: str
    actor: str
    followers: int


class Pushes:
    """`threshold`, `depth` as `HomeTimelines` says; `at_once` bounds about how many deliveries
    Redis makes before it serves others again. What one post needs more for is left open:
    `OpenPushes` does it."""

    def __init__(self, cell: Scripts, *, threshold: float, depth: int, at_once: int) -> None:
        self.cell = cell
        self._depth = depth
        self._at_once = at_once
        # Lua reads this as infinite.
        self._threshold = min(threshold, 1e308)

    async def count(self, known: Sequence[Call], actor_ids: Sequence[AccountId]) -> Sequence[int]:
        """Write what is known, then: how many of the cell follow each."""
        answers = await self.cell.call_all([*known, Call("count", [self._depth, *actor_ids])])
        counts: Sequence[int] = answers[-1]
        return counts

    async def push(
        self,
        known: Sequence[Call],
        posted: Sequence[Posted],
        elsewhere: Mapping[AccountId, int],
    ) -> None:
        """Write what is known, and push in the order given; `elsewhere`: how many follow each
        actor in other cells, if there are any."""
        calls = [*known, *self._fan_outs(posted, elsewhere)]
        answers = await self.cell.call_all(calls)
        for answer in answers[len(known) :]:
            await self._push_left(answer)

    def _fan_outs(
        self, posted: Sequence[Posted], elsewhere: Mapping[AccountId, int]
    ) -> Iterator[Call]:
        for start in range(0, len(posted), TOGETHER):
            some = posted[start : start + TOGETHER]
            counts = ""
            if elsewhere:
                counts = " ".join(str(elsewhere[one]) for one in dict.fromkeys(p[0] for p in some))
            rows = [(shard_of(actor), actor, item_key(item)) for actor, item in some]
            bounds = (self._depth, self._threshold, HYSTERESIS, self._at_once, counts)
            yield Call("fan_out", [*bounds, *(value for row in rows for value in row)])

    async def _push_left(self, answer: Sequence[bytes | int]) -> None:
        """Push what was too much for one script: to one shard of the followers at a time, in which
        each gets all that is theirs at once."""
        left = [
            Left(_text(answer[place]), _text(answer[place + 1]), int(answer[place + 2]))
            for place in range(0, len(answer), 3)
        ]
        together: list[Left] = []
        deliveries = 0
        for item in left:
            if deliveries + item.followers > self._at_once * SHARDS:
                await self._push_to_shards(together)
                together, deliveries = [], 0
            together.append(item)
            deliveries += item.followers
        await self._push_to_shards(together)

    async def _push_to_shards(self, items: Sequence[Left]) -> None:
        posted = [value for item in items for value in (item.actor, item.item)]
        for shard in range(SHARDS if posted else 0):
            await self.cell.call("push_shard", self._depth, shard, *posted)


def _text(value: bytes | str | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
