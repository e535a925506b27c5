"""Who reads together: the members of consumer groups, as the brokers know them."""

import asyncio
from typing import Final

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
        try:
            return await asyncio.to_thread(self._members, group, settled=True)
        except KafkaException as error:
            raise failure(error.args[0]) from error

    async def is_left(self, group: str) -> bool:
        """Whether nobody is in the group, not even on the way in."""
        try:
            return not await asyncio.to_thread(self._members, group, settled=False)
        except KafkaException as error:
            raise failure(error.args[0]) from error

    def _members(self, group: str, *, settled: bool) -> int:
        if self._admin is None:
            self._admin = AdminClient(connection(self._servers), logger=LOGGER)
        asked = self._admin.describe_consumer_groups([group], request_timeout=TIMEOUT_S)
        try:
            found = asked[group].result(TIMEOUT_S)
        except TimeoutError as error:
            raise Unavailable("Kafka does not answer") from error
        except KafkaException as error:
            if error.args[0].code() in _UNKNOWN:
                return 0
            raise
        if settled and found.state != ConsumerGroupState.STABLE:
            return 0
        return len(found.members)
