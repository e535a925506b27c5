"""Generations where there is one: replay beside the live one is not built for the cluster yet."""

from collections.abc import Collection, Sequence
from typing import NoReturn

from domain.errors import NotBuiltYet, NotFound
from infra.profiles.profile import Generation


class OneGeneration:
    """Implements `infra.profiles.profile.Generations`."""

    def __init__(self, names: Collection[str], number: int) -> None:
        self._names = names
        self._number = number

    def number(self, name: str) -> int:
        """See `Generations.number`."""
        if name not in self._names:
            raise NotFound(f"There is no projection {name}")
        return self._number

    async def adopt(self, name: str) -> Generation:
        """Raises NotFound, NotBuiltYet."""
        self._refuse(name)

    async def rollback(self, name: str) -> Generation:
        """Raises NotFound, NotBuiltYet."""
        self._refuse(name)

    async def prune(self, name: str) -> Sequence[Generation]:
        """Raises NotFound, NotBuiltYet."""
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        self.number(name)
        raise NotBuiltYet("Replay on the cluster profile is not built yet")
