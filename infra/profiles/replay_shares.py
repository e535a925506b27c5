"""A replay in several processes: each fills its share of the partitions, the first one looks on.

A process of a replay whose first one is gone ends with its next batch: it has nobody to tell.
"""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final, Generic, NamedTuple, TypeVar

from domain.errors import Refusal, Unavailable
from infra import interpreter
from projections.projection import StoreUnavailable
from streams.pipeline import Paused
from streams.rebuild import STRAIGHT_ON, Cancelled, Helm, Rebuilt

LOOK_EVERY_S: Final = 0.2
END_S: Final = 5.0

Ends = Mapping[int, int]
Report = Callable[[Rebuilt], None]
GivenT = TypeVar("GivenT")


class Work(NamedTuple, Generic[GivenT]):
    """Fills partitions up to their ends. `fill` and what it is given travel to other processes:
    they find it by its name."""

    fill: Callable[[GivenT, Ends, Report], Awaitable[None]]
    given: GivenT


class _Done(NamedTuple):
    """The last thing that a process tells: why it could not, or nothing; or that all of them are
    to stop for good."""

    error: str | None
    cancelled: bool = False


class _Share(NamedTuple):
    process: SpawnProcess
    told: Connection


def shares(ends: Ends, number: int) -> Sequence[Ends]:
    """Partitions dealt out, the longest first; none without any."""
    longest = sorted(ends, key=lambda partition: -ends[partition])
    dealt = [longest[first::number] for first in range(number)]
    return [{partition: ends[partition] for partition in share} for share in dealt if share]


async def fill_in_processes(
    work: Work[GivenT], ends: Ends, number: int, report: Report, helm: Helm = STRAIGHT_ON
) -> None:
    """Fill all partitions with so many processes. The helm is told how far they are; each of them
    looks for itself how it is to go on.

    Raises Unavailable with what one of them says that could not, and Cancelled; the others end
    then.
    """
    context = multiprocessing.get_context("spawn")
    running: list[_Share] = []
    with ExitStack() as ending:
        for share in shares(ends, number):
            told, telling = context.Pipe(duplex=False)
            process = context.Process(target=_fill_share, args=(work, share, telling), daemon=True)
            process.start()
            telling.close()
            ending.callback(_end, process, told)
            running.append(_Share(process, told))
        await _look_on(running, report, helm)


async def _look_on(running: Sequence[_Share], report: Report, helm: Helm) -> None:
    left, look_at = {share.told for share in running}, 0.0
    seen: dict[Connection, Rebuilt] = {}
    while left:
        await asyncio.to_thread(wait, list(left), LOOK_EVERY_S)
        for told in [told for told in left if told.poll()]:
            message = _message(told)
            if isinstance(message, Rebuilt):
                seen[told] = message
            elif message.cancelled:
                raise Cancelled
            elif message.error is None:
                left.discard(told)
            else:
                raise Unavailable(message.error)
        if len(seen) == len(running):
            whole = _whole(list(seen.values()))
            report(whole)
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_EVERY_S
                await helm.course(whole)


def _message(told: Connection) -> Rebuilt | _Done:
    try:
        message: Rebuilt | _Done = told.recv()
    except EOFError:
        return _Done("A process of the replay was ended; the same command goes on where it was")
    return message


def _whole(parts: Sequence[Rebuilt]) -> Rebuilt:
    unfinished = [one for one in parts if one.done < one.total]
    left_s = [one.foretold_s for one in unfinished if one.foretold_s is not None]
    return Rebuilt(
        done=sum(one.done for one in parts),
        total=sum(one.total for one in parts),
        began_at=sum(one.began_at for one in parts),
        elapsed_s=max(one.elapsed_s for one in parts),
        # Who takes longest; until all have an idea of that, by the rate of all.
        foretold_s=max(left_s) if left_s and len(left_s) == len(unfinished) else None,
        recent_per_s=sum(one.per_s for one in unfinished) if unfinished else None,
        paused=bool(unfinished) and all(one.paused for one in unfinished),
    )


def _end(process: SpawnProcess, told: Connection) -> None:
    told.close()
    process.terminate()
    process.join(END_S)


def _fill_share(work: Work[GivenT], ends: Ends, telling: Connection) -> None:
    """What a process does."""
    # Who interrupts the first one means all: that one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interpreter.tune()

    async def fill() -> None:
        await work.fill(work.given, ends, telling.send)

    error, cancelled = None, False
    try:
        asyncio.run(fill())
    except BrokenPipeError:
        return
    except Cancelled:
        cancelled = True
    except (Refusal, Paused, StoreUnavailable) as failed:
        error = str(failed)
    telling.send(_Done(error, cancelled))
