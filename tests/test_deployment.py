"""docker-compose.yml and the Dockerfile, read by the programs that read them in earnest."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from infra.settings import PREFIX, Settings
from streams.registry import PROJECTIONS

HOME: Final = Path(__file__).parents[1]
BIN: Final = Path(sys.executable).parent
CONF: Final = HOME / "infra" / "cluster" / "conf"
ENGINES: Final = ("kafka", "cassandra", "neo4j", "elasticsearch")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """What compose itself understands."""
    told = subprocess.run(
        (BIN / "docker-compose", "-f", HOME / "docker-compose.yml", "config", "--format", "json"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return dict(json.loads(told.stdout)["services"])


def test_every_image_is_pinned_and_every_service_limited(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"[a-z0-9/]+:[0-9]+(\.[0-9]+){1,2}(-[a-z]+)?", service["image"]), name
        limits = service["deploy"]["resources"]["limits"]
        assert limits["cpus"], name
        assert limits["memory"], name


def test_every_service_is_watched(services: dict[str, Any]) -> None:
    unwatched = {name for name, service in services.items() if "healthcheck" not in service}
    # The image brings its own check.
    assert unwatched == {"commands", "reads"}
    assert not any(s.get("healthcheck", {}).get("disable") for s in services.values())


def test_every_worker_is_watched_where_it_answers(services: dict[str, Any]) -> None:
    workers = [service for name, service in services.items() if name.startswith("worker-")]

    assert workers
    for service in workers:
        settings = {n.removeprefix(PREFIX).lower(): v for n, v in service["environment"].items()}
        address = msgspec.convert(settings, Settings).worker_address
        assert address is not None
        assert f"http://127.0.0.1:{address[1]}/livez" in service["healthcheck"]["test"][-1]
        assert address[1] != msgspec.convert(settings, Settings).address[1]


def test_only_the_gateway_is_reached_from_outside_and_from_this_machine_only(
    services: dict[str, Any],
) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert published.keys() == {"gateway"}
    assert [port["host_ip"] for port in published["gateway"]] == ["127.0.0.1"]


def test_what_an_engine_keeps_is_in_a_volume(services: dict[str, Any]) -> None:
    for name in (*ENGINES, "redis", "postgresql"):
        assert [volume["type"] for volume in services[name]["volumes"]] == ["volume"], name


def test_each_projection_has_one_worker(services: dict[str, Any]) -> None:
    commands = [s["command"] for n, s in services.items() if n.startswith("worker-")]
    worked = [name for _, *names in commands for name in names]

    assert {command[0] for command in commands} == {"worker"}
    names = {projection.name for projection in PROJECTIONS}
    assert sorted(worked) == sorted({*names, "relay", "registers", "archive"})


def test_every_setting_exists(services: dict[str, Any]) -> None:
    known = {PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)}

    for service in services.values():
        told = {name for name in service.get("environment") or {} if name.startswith(PREFIX)}
        assert told <= known


@pytest.mark.parametrize("engine", ENGINES)
def test_the_engines_are_those_of_the_local_cluster(engine: str, services: dict[str, Any]) -> None:
    pom = (CONF / engine / "pom.xml").read_text()
    version = services[engine]["image"].partition(":")[2].partition("-")[0]

    assert f"<{engine}.version>{version}</" in pom


def test_cassandra_is_told_what_the_local_one_is(services: dict[str, Any]) -> None:
    (local,) = [yaml.safe_load(file.read_text()) for file in (CONF / "cassandra").glob("*.yaml*")]
    options = services["cassandra"]["environment"]["JVM_EXTRA_OPTS"]

    for setting in (
        "commitlog_sync",
        "commitlog_sync_group_window",
        "paxos_variant",
        "batch_size_warn_threshold",
        "unlogged_batch_across_partitions_warn_threshold",
    ):
        assert f"-Dcassandra.settings.{setting}={local[setting]}" in options.split()


def test_the_dockerfile_is_clean() -> None:
    told = subprocess.run(
        (BIN / "hadolint", HOME / "infra" / "deploy" / "Dockerfile"),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (told.returncode, told.stdout) == (0, "")


def test_the_image_gets_every_package(services: dict[str, Any]) -> None:
    dockerfile = (HOME / "infra" / "deploy" / "Dockerfile").read_text()
    ignored = (HOME / "infra" / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()

    for package in ("domain", "commands", "projections", "read_api", "streams", "web", "infra"):
        assert f"COPY {package} {package}\n" in dockerfile
        assert f"!{package}" in ignored
