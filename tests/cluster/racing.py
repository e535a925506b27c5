"""Clients that race for one thing, and what a history of their requests may look like.

A history is linearizable if there is an order of all that had an effect in which each did what it
says, and which keeps one before the other where the one ended before the other began.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import NamedTuple

import httpx


class Raced(NamedTuple):
    """One request: when it was sent and answered, by the same clock everywhere."""

    value: str
    began: float
    ended: float
    answer: httpx.Response

    @property
    def status(self) -> int:
        return self.answer.status_code


async def race(
    values: Sequence[str], send: Callable[[str], Awaitable[httpx.Response]]
) -> list[Raced]:
    """All at once."""

    async def one(value: str) -> Raced:
        began = monotonic()
        answer = await send(value)
        return Raced(value, began, monotonic(), answer)

    return list(await asyncio.gather(*map(one, values)))


def is_reservation(raced: Sequence[Raced]) -> bool:
    """Whether one of them took it and the others came too late: none of them was told so before
    the one began."""
    winners = [one for one in raced if one.status == 201]
    if len(winners) != 1:
        return False
    losers = [one for one in raced if one.status != 201]
    return all(one.status == 409 and one.ended > winners[0].began for one in losers)


def is_register(accepted: Sequence[Raced], order: Sequence[str]) -> bool:
    """Whether the log's order of the values explains what was accepted: each once, and none
    before another one that had been answered as it was sent."""
    place = {value: number for number, value in enumerate(order)}
    if len(place) != len(order) or place.keys() != {one.value for one in accepted}:
        return False
    return not any(
        earlier.ended < later.began and place[earlier.value] > place[later.value]
        for earlier in accepted
        for later in accepted
    )
