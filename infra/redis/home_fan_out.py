"""The write side of home timelines in Redis: what is known, then pushes to those kept ready.

A post is in its author's timeline before followers are read, and a follow in the follower set
before the author's timeline is read: one of the two sees the other, whoever else applies batches
meanwhile. Pushing twice is harmless, and so is a push that nobody awaits any more.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from domain.ids import AccountId
from infra.redis.home_keys import SHARDS, item_key, shard_of
from infra.redis.scripts import Argument, Call, Scripts
from projections.home_timelines import (
    AddPost,
    DropAccount,
    DropPost,
    Operation,
    SetRepost,
    SetTie,
)

# An author goes back to being pushed below this share of the threshold.
HYSTERESIS: Final = 0.8
# Operations that one script is given; a follow may order a whole cache anew.
TOGETHER: Final = 500
TIES_TOGETHER: Final = 100


class Left(NamedTuple):
    """An item still to be pushed, and to how many."""

    item: str
    actor: str
    followers: int


class FanOut:
    """Keeps caches complete above their floors. `threshold` and `depth` as `HomeTimelines` says;
    `at_once` bounds about how many deliveries Redis makes before it serves others again. What one
    post needs more for is left open: `OpenPushes` does it."""

    def __init__(self, scripts: Scripts, *, threshold: float, depth: int, at_once: int) -> None:
        self._scripts = scripts
        self._depth = depth
        self._at_once = at_once
        # Lua reads this as infinite.
        self._threshold = min(threshold, 1e308)

    async def follow(self, operations: Sequence[Operation]) -> None:
        """Write what a batch says, and push what it posts."""
        for operation in operations:
            if isinstance(operation, DropAccount):
                await self._close(operation.account_id)
        facts, posted = self._sorted_out(operations)
        answers = await self._scripts.call_all([*facts, *self._fan_outs(posted)])
        for answer in answers[len(facts) :]:
            await self._push_left(answer)

    def _sorted_out(
        self, operations: Sequence[Operation]
    ) -> tuple[list[Call], list[tuple[AccountId, int]]]:
        """The scripts that write what is known, ties last, and what is posted."""
        arguments: dict[str, list[Sequence[Argument]]] = {
            script: [] for script in ("drop_posts", "add_posts", "set_reposts", "set_ties")
        }
        posted: list[tuple[AccountId, int]] = []
        for operation in operations:
            match operation:
                case AddPost(author_id, post_id):
                    arguments["add_posts"].append((author_id, item_key(post_id)))
                    posted.append((author_id, post_id))
                case DropPost(author_id, post_id):
                    arguments["drop_posts"].append((author_id, item_key(post_id)))
                case SetRepost():
                    arguments["set_reposts"].append(_repost(operation))
                    if operation.on:
                        posted.append((operation.account_id, operation.item_id))
                case SetTie():
                    arguments["set_ties"].append(_tie(operation))
                case DropAccount():
                    pass
        return [
            call for script, rows in arguments.items() for call in self._calls(script, rows)
        ], posted

    def _calls(self, script: str, rows: Sequence[Sequence[Argument]]) -> Iterator[Call]:
        together = TIES_TOGETHER if script == "set_ties" else TOGETHER
        for start in range(0, len(rows), together):
            some = rows[start : start + together]
            yield Call(script, [self._depth, *(value for row in some for value in row)])

    def _fan_outs(self, posted: Sequence[tuple[AccountId, int]]) -> Iterator[Call]:
        """By item id, so that lists stay in order, the newest last."""
        rows = [
            (shard_of(actor_id), actor_id, item_key(item_id))
            for actor_id, item_id in sorted(posted, key=lambda post: post[1])
        ]
        bounds = (self._threshold, HYSTERESIS, self._at_once)
        for script, arguments in self._calls("fan_out", rows):
            yield Call(script, [arguments[0], *bounds, *arguments[1:]])

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
            await self._scripts.call("push_shard", self._depth, shard, *posted)

    async def _close(self, account_id: AccountId) -> None:
        while await self._scripts.call(
            "close_account", self._depth, account_id, shard_of(account_id)
        ):
            pass


def _repost(operation: SetRepost) -> Sequence[Argument]:
    return (
        operation.account_id,
        item_key(operation.post_id),
        operation.post_author_id,
        item_key(operation.item_id),
        int(operation.on),
        operation.version,
    )


def _tie(operation: SetTie) -> Sequence[Argument]:
    register = 4 * operation.version + 2 * operation.follows + operation.hides
    return (shard_of(operation.reader_id), operation.reader_id, operation.other_id, register)


def _text(value: bytes | str | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
