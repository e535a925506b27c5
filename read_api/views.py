"""Everything the read side may ask: the projections' stores, and what refuses at once."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from projections.stores import Stores
from read_api.ports import AccountBodies, NoBodies, Refusals


class Asking(Protocol):
    """Asks several stores; their answers in the order of the questions, or the first failure."""

    def __call__(self, *questions: Coroutine[Any, Any, Any]) -> Awaitable[Sequence[Any]]: ...


async def in_turn(*questions: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """One after the other: for stores that answer without waiting, where tasks cost more than
    they gain."""
    answers = []
    try:
        for question in questions:
            answers.append(await question)
    finally:
        for question in questions[len(answers) :]:
            question.close()
    return answers


@dataclass(slots=True, kw_only=True)
class Views(Stores):
    """The stores of the live generations. `now_ms` is the clock, in Unix milliseconds; `ask` asks
    several stores whose answers do not depend on each other; `bodies` are accounts at hand."""

    refusals: Refusals
    now_ms: Callable[[], int]
    ask: Asking = in_turn
    bodies: AccountBodies = field(default_factory=NoBodies)
