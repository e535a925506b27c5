"""Many commands at once: concurrently, so that the log commits them in groups."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from commands.handling import Decision, record
from commands.ports import Answer, Ports, Receipt
from domain.errors import Refusal, Unavailable

# Between so many decisions other work of the process gets its turn.
DECISIONS_PER_TURN: Final = 16
RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 2.0
ATTEMPTS_MAX: Final = 40
FINISHING_S_MAX: Final = 5.0

P = ParamSpec("P")
T = TypeVar("T")
CommandT = TypeVar("CommandT")
ItemT = TypeVar("ItemT")


async def give(
    handler: Callable[[CommandT, Ports], Awaitable[Decision]],
    command: CommandT,
    ports: Ports,
    receipt: Receipt | None = None,
) -> int:
    """Have a command decided and recorded with its receipt; how many events came of it.

    Waits while the log cannot take it. Raises Refusal; Unavailable only after a long wait.
    """
    events = 0

    async def decide(ports: Ports) -> Decision:
        nonlocal events
        decision = await handler(command, ports)
        events = len(decision.publish) + sum(len(append.events) for append in decision.append)
        return decision

    keep = None if receipt is None else _always(receipt)
    await patiently(lambda: record(ports, decide, keep))
    return events


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What comes of it once it works. Raises Unavailable only after many attempts."""
    delay = RETRY_FIRST_S
    for _ in range(ATTEMPTS_MAX - 1):
        try:
            return await attempt()
        except Unavailable:
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MAX_S)
    return await attempt()


async def apart(blocking: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Do patiently in a thread what blocks. It does not go on after this, even if cancelled."""

    async def attempt() -> T:
        doing = asyncio.ensure_future(asyncio.to_thread(blocking, *given, **named))
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait([doing])
            raise

    return await patiently(attempt)


async def each(
    act: Callable[[ItemT], Awaitable[None]], items: Sequence[ItemT]
) -> list[Refusal | None]:
    """Do it to all items concurrently; for each what it was refused for, or None.

    What was begun is finished even if this is cancelled: whoever goes on then can see all of it.
    Raises Unavailable, and whatever else is no refusal.
    """
    if not items:
        return []
    tasks: list[asyncio.Task[None]] = []
    try:
        for n, item in enumerate(items, start=1):
            tasks.append(asyncio.ensure_future(act(item)))
            if n % DECISIONS_PER_TURN == 0:
                await asyncio.sleep(0)
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        await asyncio.wait(tasks, timeout=FINISHING_S_MAX)
        raise
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    return [_refusal_or_none(outcome) for outcome in outcomes]


def _refusal_or_none(outcome: BaseException | None) -> Refusal | None:
    if outcome is None or (isinstance(outcome, Refusal) and not isinstance(outcome, Unavailable)):
        return outcome
    raise outcome


def _always(receipt: Receipt) -> Callable[[Answer], Receipt]:
    return lambda _answer: receipt
