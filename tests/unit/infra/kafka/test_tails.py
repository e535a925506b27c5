"""The newest events in memory: who waits for which of them is woken, and nobody else."""

import asyncio
from typing import Final

from domain.events import Recorded
from infra.kafka.tails import Tails
from tests import facts

ONE, OTHER, THIRD = 1, 2, 3
KEPT: Final = 3


def tails() -> Tails:
    return Tails({ONE: 0, OTHER: 0, THIRD: 0}, KEPT)


def event(partition: int, position: int) -> Recorded:
    said = facts.tweet("ada")
    return Recorded(said, said.event_id, position, partition)


async def turns() -> None:
    """Let all who can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_waits_for_a_partition_is_woken_by_its_events_only() -> None:
    newest = tails()
    waiting = [asyncio.create_task(newest.wait_any({number: 0})) for number in (ONE, OTHER)]
    await turns()

    newest.take([event(OTHER, 1)])
    await turns()

    assert [task.done() for task in waiting] == [False, True]
    newest.end()
    await asyncio.gather(*waiting)


async def test_who_waits_for_several_is_woken_by_any_that_is_behind_their_position() -> None:
    newest = tails()
    waiting = asyncio.create_task(newest.wait_any({ONE: 1, OTHER: 0}))
    await turns()

    newest.take([event(ONE, 1), event(THIRD, 1)])
    await turns()
    assert not waiting.done()

    newest.take([event(ONE, 2)])
    await waiting


async def test_who_is_behind_does_not_wait() -> None:
    newest = tails()
    newest.take([event(ONE, 1)])

    await newest.wait_any({ONE: 0})


async def test_who_gave_up_is_forgotten() -> None:
    newest = tails()
    waiting = asyncio.create_task(newest.wait_any({ONE: 0, OTHER: 0}))
    await turns()
    waiting.cancel()
    await turns()

    newest.take([event(ONE, 1)])

    assert waiting.cancelled()


async def test_events_older_than_what_is_kept_are_elsewhere() -> None:
    newest = tails()
    group = [event(ONE, position) for position in range(1, KEPT + 2)]
    newest.take(group)

    assert newest.behind(ONE, 1, 10) == group[1:]
    assert newest.behind(ONE, 0, 10) is None
    assert newest.behind(ONE, KEPT + 1, 10) == ()
    assert newest.newest_id == group[-1].event.event_id
