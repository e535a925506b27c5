"""Answers that are there already, of methods that others wait for."""

import asyncio
from collections.abc import Coroutine, Generator, Sequence
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T")


class Known(Coroutine[Any, Any, T], Generic[T]):
    """Awaited, it gives its answer at once, and needs no task for that."""

    __slots__ = ("answer",)

    def __init__(self, answer: T) -> None:
        self.answer = answer

    def __await__(self) -> Generator[Any, Any, T]:
        yield from ()
        return self.answer

    def send(self, _value: Any) -> NoReturn:
        """See `Coroutine.send`."""
        raise StopIteration(self.answer)

    def throw(self, *error: Any) -> NoReturn:
        """See `Coroutine.throw`."""
        raise error[0]

    def close(self) -> None:
        """See `Coroutine.close`."""


async def at_once(*questions: Coroutine[Any, Any, Any]) -> Sequence[Any]:
    """Ask all at the same time; their answers, or the first failure: `read_api.views.Asking`."""
    waiting = [one for one in questions if not isinstance(one, Known)]
    told = iter(await asyncio.gather(*waiting) if waiting else ())
    return [one.answer if isinstance(one, Known) else next(told) for one in questions]
