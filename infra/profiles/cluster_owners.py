"""Which worker has which partition, as the brokers know the members of the consumer groups.

One that died is no member any more once its session has passed (`streams.faust.app.SESSION_S`).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from domain.errors import Unavailable
from domain.topics import Place
from infra.kafka.groups import KafkaGroups
from infra.profiles.names import Names
from read_api.ports import Owned
from streams.registry import PROJECTIONS

ANSWER_S: Final = 2.0


class ClusterOwners:
    """Implements `read_api.ports.Owners`; `generation` is that which answers, by projection."""

    def __init__(self, groups: KafkaGroups, names: Names, generation: Callable[[str], int]) -> None:
        self._groups = groups
        self._names = names
        self._generation = generation

    async def owned(self) -> Owned:
        """See `Owners.owned`."""
        groups = {self._names.group(one, self._generation(one.name)): one for one in PROJECTIONS}
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await self._groups.owners(groups)
        except (Unavailable, TimeoutError):
            return {}
        prefix = self._names.topics
        return {
            groups[group].name: {
                Place(topic.removeprefix(prefix), partition).name: owner
                for (topic, partition), owner in owners.items()
            }
            for group, owners in found.items()
        }
