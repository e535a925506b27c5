"""Where the engines are."""

import json

import pytest
from typer.testing import CliRunner

from infra.cli import app
from infra.cluster.engine import PASSWORD
from infra.engines import engines_of
from infra.settings import SettingError, Settings


def test_without_settings_they_are_those_of_the_local_cluster() -> None:
    engines = engines_of(Settings(cluster_port="30000"))

    assert engines.kafka == "127.0.0.1:30000"
    assert (engines.cassandra.host, engines.cassandra.port) == ("127.0.0.1", 30_002)
    assert engines.neo4j == f"bolt://neo4j:{PASSWORD}@127.0.0.1:30005"
    assert engines.postgresql.endswith("@127.0.0.1:30009/starling")


def test_each_can_be_elsewhere() -> None:
    engines = engines_of(
        Settings(kafka="a:1,b:2", cassandra="c:3", neo4j="bolt://me:secret@d:4", redis="redis://e")
    )

    assert engines.kafka == "a:1,b:2"
    assert str(engines.cassandra) == "c:3"
    assert engines.neo4j == "bolt://me:secret@d:4"
    assert engines.redis == "redis://e"


def test_nonsense_is_refused() -> None:
    with pytest.raises(SettingError, match="STARLING_CASSANDRA must be"):
        engines_of(Settings(cassandra="host"))


def test_home_timelines_may_be_on_a_redis_cluster_and_the_cache_beside_it() -> None:
    engines = engines_of(Settings(redis="redis+cluster://a:1,b:2", redis_cache="redis://c:3/0"))

    assert engines.redis == "redis+cluster://a:1,b:2"
    assert engines.redis_cache == "redis://c:3/0"


def test_the_cache_is_where_home_timelines_are_unless_that_is_a_cluster() -> None:
    assert engines_of(Settings(redis="redis://e:1/0")).redis_cache == "redis://e:1/0"
    for settings in (
        Settings(redis="redis+cluster://a:1"),
        Settings(redis="redis+cluster://a:1", redis_cache="redis+cluster://b:1"),
    ):
        with pytest.raises(SettingError, match="STARLING_REDIS_CACHE"):
            engines_of(settings)
    with pytest.raises(SettingError, match="STARLING_REDIS must be"):
        engines_of(Settings(redis="redis+cluster://nowhere"))


def test_passwords_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARLING_POSTGRESQL", "postgresql://me:secret@host/name")

    told = CliRunner().invoke(app, ["settings", "--json"]).output

    assert "secret" not in told
    (address,) = (s["value"] for s in json.loads(told) if s["name"] == "STARLING_POSTGRESQL")
    assert address == "postgresql://me:***@host/name"
