"""Rows of a view that a process keeps, and what it makes of them and keeps as well."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, TypeVar

RowT_co = TypeVar("RowT_co", covariant=True)


class Derived(Protocol):
    """What is made of rows that are kept."""

    def forget(self, keys: Collection[Any] | None) -> None:
        """The rows of these keys have changed, or any may have."""


class Kept(Protocol[RowT_co]):
    """Rows of a view that this process keeps for as long as they are right."""

    def get(self, ids: Collection[Any]) -> Mapping[Any, RowT_co] | None:
        """The rows that there are of these ids; None if somebody has to be asked and waited for."""

    def tell(self, derived: Derived) -> None:
        """Let `derived` forget what changes from now on, for as long as somebody holds it."""
