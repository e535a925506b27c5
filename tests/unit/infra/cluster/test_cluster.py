"""A cluster's folder: whose it is, and what is told when an engine fails."""

import socket
from pathlib import Path

import pytest

from infra.cluster.cluster import NAMES, Cluster, ClusterFailed, ForeignFolder, engines
from infra.cluster.kept import Step
from infra.cluster.ports import ports_from
from infra.cluster.sockets import HOST


def a_cluster(folder: Path, *, base: int = 19_400, only: tuple[str, ...] = NAMES) -> Cluster:
    return Cluster(
        folder,
        cache=folder / "cache",
        ports=ports_from(base),
        report=lambda _engine, _step: None,
        only=only,
    )


def test_the_engines_have_names_and_ports_of_their_own() -> None:
    found = engines(ports_from(19_400))

    assert tuple(engine.name for engine in found) == NAMES
    assert sorted(port for engine in found for port in engine.ports) == list(ports_from(19_400))


def test_a_folder_that_holds_something_else_is_not_wiped(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()

    with pytest.raises(ForeignFolder):
        a_cluster(tmp_path).down(wipe=True)

    assert (tmp_path / "redis").exists()


def test_looking_and_stopping_make_no_folder(tmp_path: Path) -> None:
    cluster = a_cluster(tmp_path / "none")

    cluster.down()

    assert {str(one.state) for one in cluster.status()} == {"stopped"}
    assert not (tmp_path / "none").exists()


def test_fetching_gets_what_each_is_made_of_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, steps = [], []
    for engine in ("kafka.Kafka", "redis.Redis"):
        monkeypatch.setattr(f"infra.cluster.{engine}.install", lambda one, _: fetched.append(one))
    cluster = Cluster(
        tmp_path / "cluster",
        cache=tmp_path / "cache",
        ports=ports_from(19_400),
        report=lambda engine, step: steps.append((engine, step)),
        only=("kafka", "redis"),
    )

    cluster.fetch()

    assert {one.name for one in fetched} == {"kafka", "redis"}
    assert {one for one in steps if one[1] is Step.FETCHED} == {
        ("kafka", Step.FETCHED),
        ("redis", Step.FETCHED),
    }
    assert not (tmp_path / "cluster").exists()


def test_each_failure_is_told_with_its_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.cluster.redis.Redis.install", lambda *_: None)
    steps = []
    with socket.create_server((HOST, 0)) as foreign:
        base = int(foreign.getsockname()[1]) - ports_from(0).redis
        cluster = Cluster(
            tmp_path / "cluster",
            cache=tmp_path / "cache",
            ports=ports_from(base),
            report=lambda engine, step: steps.append((engine, step)),
            only=("redis",),
        )

        with pytest.raises(ClusterFailed) as failed:
            cluster.up()

    assert "is in use" in failed.value.reasons["redis"]
    assert steps[-1] == ("redis", Step.FAILED)
