"""The write side of home timelines in Redis: what is known, then pushes to those kept ready.

A post is in its author's timeline before followers are read, and a follow in the follower set
before the author's timeline is read: one of the two sees the other, whoever else applies batches
meanwhile. Pushing twice is harmless, and so is a push that nobody awaits any more. This holds in
each cell by itself: posts are written to all cells, ties to the reader's.
"""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from infra.redis.home_cells import Cells, each
from infra.redis.home_keys import item_key, part_of, shard_of
from infra.redis.home_pushes import TOGETHER, Posted, Pushes
from infra.redis.scripts import Argument, Call, Scripts
from projections.home_timelines import (
    AddPost,
    DropAccount,
    DropPost,
    Operation,
    SetRepost,
    SetTie,
)

# A follow may order a whole cache anew.
TIES_TOGETHER: Final = 100

Rows = list[Sequence[Argument]]


class FanOut:
    """Keeps caches complete above their floors. What it takes is as `Pushes` says."""

    def __init__(self, cells: Cells, *, threshold: float, depth: int, at_once: int) -> None:
        self._cells = cells
        self._threshold = threshold
        self._depth = depth
        self._at_once = at_once

    async def follow(self, operations: Sequence[Operation]) -> None:
        """Write what a batch says, and push what it posts."""
        cells = [self._pushes(cell) for cell in await self._cells.all()]
        for operation in operations:
            if isinstance(operation, DropAccount):
                await each(self._close(pushes.cell, operation) for pushes in cells)
        known = self._known(operations, len(cells))
        # By item id, so that lists stay in order, the newest last.
        posted = sorted(_posted(operations), key=attrgetter("item_id"))
        if len(cells) == 1:
            await cells[0].push(known[0], posted, {})
        else:
            await _follow_in_all(cells, known, posted)

    def _pushes(self, cell: Scripts) -> Pushes:
        return Pushes(cell, threshold=self._threshold, depth=self._depth, at_once=self._at_once)

    def _known(self, operations: Sequence[Operation], cells: int) -> Sequence[Sequence[Call]]:
        """The scripts that write what is known, for each cell; ties last."""
        rows: dict[str, Rows] = {"drop_posts": [], "add_posts": [], "set_reposts": []}
        ties: dict[int, Rows] = defaultdict(list)
        for operation in operations:
            match operation:
                case AddPost(author_id, post_id):
                    rows["add_posts"].append((author_id, item_key(post_id)))
                case DropPost(author_id, post_id):
                    rows["drop_posts"].append((author_id, item_key(post_id)))
                case SetRepost():
                    rows["set_reposts"].append(_repost(operation))
                case SetTie():
                    ties[part_of(operation.reader_id, cells)].append(_tie(operation))
                case DropAccount():
                    pass
        everywhere = [
            call for script, some in rows.items() for call in self._calls(script, some, TOGETHER)
        ]
        return [
            [*everywhere, *self._calls("set_ties", ties[cell], TIES_TOGETHER)]
            for cell in range(cells)
        ]

    def _calls(self, script: str, rows: Rows, together: int) -> Sequence[Call]:
        return [
            Call(
                script,
                [self._depth, *(value for row in rows[start : start + together] for value in row)],
            )
            for start in range(0, len(rows), together)
        ]

    async def _close(self, cell: Scripts, closed: DropAccount) -> None:
        account_id = closed.account_id
        while await cell.call("close_account", self._depth, account_id, shard_of(account_id)):
            pass


async def _follow_in_all(
    cells: Sequence[Pushes], known: Sequence[Sequence[Call]], posted: Sequence[Posted]
) -> None:
    """Whether an author is pushed depends on followers in all cells: they are counted first."""
    actors = list({post.actor_id for post in posted})
    counts = await each(
        pushes.count(calls, actors) for pushes, calls in zip(cells, known, strict=True)
    )
    totals = [sum(of_actor) for of_actor in zip(*counts, strict=True)]
    if not posted:
        return
    await each(
        pushes.push(
            [],
            posted,
            {actor: total - count for actor, total, count in zip(actors, totals, own, strict=True)},
        )
        for pushes, own in zip(cells, counts, strict=True)
    )


def _posted(operations: Sequence[Operation]) -> list[Posted]:
    posted: list[Posted] = []
    for operation in operations:
        match operation:
            case AddPost(author_id, post_id):
                posted.append(Posted(author_id, post_id))
            case SetRepost(account_id, _, _, item_id, True):
                posted.append(Posted(account_id, item_id))
            case _:
                pass
    return posted


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
