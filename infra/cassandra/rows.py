"""Rows as named tuples."""

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

Row = Any
_class_of: Final[Any] = namedtuple


def named_rows(columns: Sequence[str], values: Iterable[Sequence[Any]]) -> list[Row]:
    """What an answer says. The driver's own rows are of a new class for each answer, and to make
    that costs more than all else that it does."""
    return [*map(_row_of(tuple(columns)), values)]


@cache
def _row_of(columns: tuple[str, ...]) -> Callable[[Sequence[Any]], Row]:
    """As many as there are statements. `[applied]` is a column of conditional ones."""
    names = [column.strip("[]") for column in columns]
    made: Callable[[Sequence[Any]], Row] = _class_of("Row", names, rename=True)._make
    return made
