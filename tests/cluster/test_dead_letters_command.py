"""`starling dead-letters` on the engines: the worker that owns the partition does what is asked."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.topics import Place
from infra.postgresql.dead_letters import PostgresqlDeadLetters
from streams.dead_letters import Build, Parked
from tests.blackbox.server import PROGRAM
from tests.cluster.installation import Program
from tests.cluster.local import LocalCluster, own_namespace
from tests.cluster.postgresql import database_of

# A dozen programs, one after the other, each of which connects to every engine.
pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]

TRENDS = Build("trends", 1, 1)
PARTITIONS = 2
TWEETS = [Place("new_tweet", partition).number for partition in range(PARTITIONS)]


class Town:
    """A namespace of its own, a worker of one projection, and the command line."""

    def __init__(self, cluster: LocalCluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        kept = {name: v for name, v in os.environ.items() if not name.startswith("STARLING_")}  # noqa: TID251 - handed on to the programs
        self.namespace = own_namespace("d")
        self.environ = {
            **kept,
            "STARLING_PROFILE": "cluster",
            "STARLING_CLUSTER_PORT": str(cluster.base_port),
            "STARLING_NAMESPACE": self.namespace,
            "STARLING_PARTITIONS": str(PARTITIONS),
            "STARLING_SAMPLE": "0",
            "STARLING_ARGON2_COST": "lowest",
            "STARLING_DATA": str(folder / "data"),
        }
        self.worker = Program("worker", ("worker", "trends"), folder, self.environ)

    def starling(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [PROGRAM, *map(str, arguments)]
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, check=False, timeout=120
        )

    def about(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return self.starling("dead-letters", *arguments)

    def listed(self) -> list[dict[str, Any]]:
        ended = self.about("list", "--json")
        assert ended.returncode == 0, ended.stderr
        found: list[dict[str, Any]] = json.loads(ended.stdout)
        return found

    async def park(self, *letters: Parked) -> None:
        async with database_of(self._cluster) as database:
            await PostgresqlDeadLetters(database, self.namespace).park(letters)


@pytest.fixture
def town(cluster: LocalCluster, tmp_path: Path) -> Iterator[Town]:
    town = Town(cluster, tmp_path)
    posts = tmp_path / "posts.jsonl"
    lines = (f'{{"id":"{n}","user":"u{n}","text":"hello #tag"}}\n' for n in range(8))
    posts.write_text("".join(lines))
    imported = town.starling("import", "--posts", posts)
    assert imported.returncode == 0, imported.stderr
    town.worker.launch()
    yield town
    town.worker.stop(signal.SIGKILL)


def test_they_are_shown_retried_and_discarded_by_their_owner(town: Town) -> None:
    event, absent, other = (
        Parked(TRENDS, TWEETS[0], 1, 5, "ValueError: odd"),
        Parked(TRENDS, TWEETS[1], 999, 6, "ValueError: odd"),
        Parked(TRENDS._replace(generation=2), TWEETS[0], 1, 5, "ValueError: odd"),
    )
    asyncio.run(town.park(event, absent))
    asyncio.run(town.park(other))
    assert [(one["generation"], one["position"]) for one in town.listed()] == [
        (1, 1),
        (1, 999),
        (2, 1),
    ]

    shown = town.about("show", "trends", TWEETS[0], 1)
    retried = town.about("retry", "trends", "--all", "--wait", 20)
    discarded = town.about("discard", "trends", TWEETS[1], 999, "--reason", "gone", "--wait", 60)

    assert "hello #tag" in shown.stdout
    assert retried.returncode == 1
    assert "position 999: it is not in the log" in retried.stderr
    assert (discarded.returncode, discarded.stdout) == (0, "discarded: 1 of 1\n")
    assert [one["generation"] for one in town.listed()] == [2]
    nothing = town.about("retry", "trends", TWEETS[1], 999)
    assert nothing.returncode == 1
    assert "trends has no dead letter" in nothing.stderr
