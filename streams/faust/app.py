"""A Faust app whose consumer reads for a sink: membership and assignment, and nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import faust
from faust.app.base import BootStrategy
from faust.transport.drivers.aiokafka import Transport
from faust.types import StreamT, TransportT
from mode.supervisors import CrashingSupervisor

from streams.faust.consumer import CheckpointedConsumer, Sink
from streams.process import this_process

SESSION_S: Final = 6.0
HEARTBEAT_S: Final = 1.0
REBALANCE_S: Final = 10.0
# A store may be down for so long without its worker losing its place in the group.
STALLED_S: Final = 86_400.0
FETCHED_MAX: Final = 5_000


class CheckpointedTransport(Transport):
    """aiokafka, with our consumer."""

    Consumer = CheckpointedConsumer


class ReadingOnly(BootStrategy):
    """No web server, and nothing is produced."""

    enable_web = False
    enable_kafka_producer = False
    enable_sensors = False


class ProjectionApp(faust.App):
    """A consumer group that reads topics for a sink; `body` runs beside it."""

    BootStrategy = ReadingOnly

    def __init__(self, group: str, brokers: str, sink: Sink) -> None:
        self.sink = sink
        super().__init__(
            group,
            broker=[f"aiokafka://{broker}" for broker in brokers.split(",")],
            # By this name the brokers tell who has which partitions.
            broker_client_id=this_process(),
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=HEARTBEAT_S,
            broker_rebalance_timeout=REBALANCE_S,
            broker_max_poll_interval=STALLED_S,
            broker_max_poll_records=FETCHED_MAX,
            consumer_auto_offset_reset="earliest",
            key_serializer="raw",
            value_serializer="raw",
            stream_wait_empty=False,
            # Without standbys and tables aiokafka's own round robin assigns.
            table_standby_replicas=0,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            autodiscover=False,
        )

    def follow(self, topics: tuple[str, ...], body: Callable[[], Awaitable[None]]) -> None:
        """Read the topics; `body` takes what comes. If it raises, the whole app crashes.

        An agent subscribes and ends with the app. Its stream is left alone: iterating it is what
        costs most of a record's time, and acknowledges what raised.
        """

        async def project(_stream: StreamT[bytes]) -> None:
            await body()

        self.agent(
            self.topic(*topics, value_type=bytes),
            name=f"{self.conf.id}.agent",
            supervisor_strategy=CrashingSupervisor,
        )(project)

    @property
    def reader(self) -> CheckpointedConsumer:
        """The consumer, once the app runs."""
        return cast("CheckpointedConsumer", self.consumer)

    def _new_transport(self) -> TransportT:
        return CheckpointedTransport(self.conf.broker_consumer, cast("Any", self))

    def _create_directories(self) -> None:
        """Faust keeps tables in folders; there are none."""
