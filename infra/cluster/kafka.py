"""Kafka: one node that is broker and controller (KRaft)."""

import base64
import secrets
import signal
import struct
from pathlib import Path
from typing import Final

from infra.cluster import configuration
from infra.cluster.artefacts import Artefacts
from infra.cluster.engine import Launch
from infra.cluster.jdks import LIGHT, jdk
from infra.cluster.ports import Ports
from infra.cluster.programs import run
from infra.cluster.sockets import HOST, ask, receive

FORMAT_S: Final = 60.0

# Metadata, version 1, about no topics. A broker lists itself once its controller lets it serve.
METADATA: Final = struct.pack(">hhih8si", 3, 1, 1, 8, b"starling", 0)


class Kafka:
    """The ordered head of the log."""

    name = "kafka"
    stop_signal = signal.SIGTERM

    def __init__(self, ports: Ports) -> None:
        self.ports = (ports.kafka, ports.kafka_controller)
        self.url = f"{HOST}:{ports.kafka}"

    def install(self, artefacts: Artefacts) -> None:
        """Fetch its jars."""
        artefacts.jars(self.name)

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Format the log's folder once."""
        logging = configuration.copy("kafka/log4j2.xml", home)
        properties = configuration.write(
            "kafka/server.properties",
            home,
            port=self.ports[0],
            controller_port=self.ports[1],
            data=home / "data",
        )
        java = (jdk(17).program("java"), *LIGHT, f"-Dlog4j2.configurationFile={logging}")
        jars = ("-cp", f"{artefacts.jars(self.name)}/*")
        if not (home / "data" / "meta.properties").exists():
            told = ("format", "--ignore-formatted", "-t", _cluster_id(), "-c", str(properties))
            tool = (*java, "-Xmx128m", *jars, "kafka.tools.StorageTool")
            run((*tool, *told), log=home / "prepare.log", timeout_s=FORMAT_S)
        options = ("-Xms768m", "-Xmx768m", f"-Dkafka.logs.dir={home}")
        return Launch((*java, *options, *jars, "kafka.Kafka", str(properties)))

    def is_ready(self) -> bool:
        """Whether the cluster has a broker."""
        with ask(self.ports[0]) as connection:
            connection.sendall(struct.pack(">i", len(METADATA)) + METADATA)
            _, _, brokers = struct.unpack(">iii", receive(connection, 12))
        return bool(brokers > 0)


def _cluster_id() -> str:
    # The tool takes a leading hyphen for an option.
    return base64.urlsafe_b64encode(b"\0" + secrets.token_bytes(15)).decode().rstrip("=")
