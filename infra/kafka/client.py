"""What all clients of Kafka share: how they connect, where they log, which failures are outages."""

import logging
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from domain.errors import Unavailable

LOGGER: Final = logging.getLogger("starling.kafka")

# A broker that comes back is found within this time.
RECONNECT_MS: Final = 500

# Refused for what was asked: to ask again would change nothing.
_REFUSED: Final = frozenset(
    {
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.POLICY_VIOLATION,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError._INVALID_ARG,  # noqa: SLF001 - what librdkafka itself says begins so
    }
)


def connection(servers: str) -> dict[str, Any]:
    """How a client finds the brokers."""
    return {"bootstrap.servers": servers, "reconnect.backoff.max.ms": RECONNECT_MS}


def failure(error: KafkaError) -> Exception:
    """An outage is Unavailable, to be tried again; what can never be done stays a bug."""
    if error.code() in _REFUSED:
        return KafkaException(error)
    return Unavailable(f"Kafka: {error.str()}")
