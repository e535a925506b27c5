"""Who reads together: the members of consumer groups, as the brokers know them."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from domain.errors import Unavailable
from infra.kafka.client import LOGGER, connection, failure

TIMEOUT_S: Final = 10.0
_UNKNOWN: Final = frozenset({KafkaError.GROUP_ID_NOT_FOUND, KafkaError.INVALID_GROUP_ID})


class KafkaGroups:
    """Every method raises Unavailable where Kafka does not answer."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._admin: AdminClient | None = None

    async def members(self, group: str) -> int:
        """How many read for the group, having agreed on who reads what."""
        found = (await self._described([group])).get(group)
        if found is None or found.state != ConsumerGroupState.STABLE:
            return 0
        return len(found.members)

    async def is_left(self, group: str) -> bool:
        """Whether nobody is in the group, not even on the way in."""
        found = (await self._described([group])).get(group)
        return found is None or not found.members

    async def owners(self, groups: Collection[str]) -> Mapping[str, Mapping[tuple[str, int], str]]:
        """By group: which member, as it calls itself, reads a partition of a topic. Those that
        nobody reads are not there, as while the group meets."""
        return {
            group: {
                (one.topic, one.partition): member.client_id
                for member in found.members
                for one in member.assignment.topic_partitions
            }
            for group, found in (await self._described(list(groups))).items()
        }

    async def _described(self, groups: list[str]) -> Mapping[str, Any]:
        """What the brokers say of each; not of those that they do not know."""
        if self._admin is None:
            self._admin = AdminClient(connection(self._servers), logger=LOGGER)
        asked = self._admin.describe_consumer_groups(groups, request_timeout=TIMEOUT_S)
        described = {}
        for group, answer in asked.items():
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    described[group] = await asyncio.wrap_future(answer)
            except TimeoutError as error:
                raise Unavailable("Kafka does not answer") from error
            except KafkaException as error:
                if error.args[0].code() not in _UNKNOWN:
                    raise failure(error.args[0]) from error
        return described
