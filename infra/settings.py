"""Settings: from the environment (`STARLING_*`), a file, or their defaults. Only this module
reads the environment."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

PREFIX: Final = "STARLING_"
_NAMESPACE: Final = re.compile("([a-z][a-z0-9]{0,19})?")


class SettingError(Exception):
    """A setting cannot be read; the message names it and says what it takes."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting with its default. A field `x` is the variable `STARLING_X`."""

    profile: Literal["embedded", "cluster"] = "embedded"
    data: str = "starling-data"
    bind: str = "127.0.0.1:8080"
    fanout_threshold: str = "10000"
    rate_limits: Literal["on", "off"] = "on"
    sample: Literal["0", "1"] = "1"
    cors_origins: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    argon2_cost: Literal["standard", "lowest"] = "standard"
    cluster_cache: str = ""
    cluster_port: str = "19400"
    namespace: str = ""
    partitions: str = "8"
    dead_letters_max: str = "10000"
    worker_bind: str = ""
    kafka: str = ""
    cassandra: str = ""
    neo4j: str = ""
    elasticsearch: str = ""
    redis: str = ""
    redis_cache: str = ""
    postgresql: str = ""

    @property
    def data_path(self) -> Path:
        """The embedded profile's folder."""
        return Path(self.data)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on. Raises SettingError."""
        return _address("bind", self.bind)

    @property
    def worker_address(self) -> tuple[str, int] | None:
        """Where workers tell how they do; None where they do not. Raises SettingError."""
        return _address("worker_bind", self.worker_bind) if self.worker_bind else None

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it. Raises SettingError."""
        host, port = self.address
        if host in {"0.0.0.0", "::"}:  # noqa: S104 - not bound here, only told
            host = "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def threshold(self) -> float:
        """Followers from which an author is pulled. Raises SettingError."""
        try:
            threshold = float(self.fanout_threshold)
        except ValueError as error:
            raise SettingError("STARLING_FANOUT_THRESHOLD must be a number or inf") from error
        if not threshold >= 0:
            raise SettingError("STARLING_FANOUT_THRESHOLD must be 0 or more")
        return threshold

    @property
    def cluster_cache_path(self) -> Path:
        """Where the programs of the local cluster are kept."""
        if self.cluster_cache:
            return Path(self.cluster_cache)
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "starling"

    @property
    def cluster_base_port(self) -> int:
        """The first port of the local cluster. Raises SettingError."""
        if not self.cluster_port.isdigit() or not 1_024 <= int(self.cluster_port) <= 65_500:
            raise SettingError("STARLING_CLUSTER_PORT must be a number from 1024 to 65500")
        return int(self.cluster_port)

    @property
    def topic_partitions(self) -> int:
        """Partitions of each topic. Raises SettingError."""
        if not self.partitions.isdigit() or not 1 <= int(self.partitions) <= 64:
            raise SettingError("STARLING_PARTITIONS must be a number from 1 to 64")
        return int(self.partitions)

    @property
    def parked_max(self) -> int:
        """Dead letters that a generation of a projection may have. Raises SettingError."""
        if not self.dead_letters_max.isdigit() or int(self.dead_letters_max) < 1:
            raise SettingError("STARLING_DEAD_LETTERS_MAX must be a number from 1")
        return int(self.dead_letters_max)

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Origins that browsers may call from (CORS)."""
        return tuple(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())


DESCRIPTIONS: Final[Mapping[str, str]] = {
    "profile": "embedded (one process, SQLite) or cluster (the engines)",
    "data": "the embedded profile's folder; may exist and hold foreign files",
    "bind": "address to listen on, HOST:PORT",
    "fanout_threshold": "followers from which an author is pulled instead of pushed; 0, inf",
    "rate_limits": "off for tests and imports",
    "sample": "0 keeps `make run` from loading the sample of real posts",
    "cors_origins": "origins that browsers may call from, comma-separated; * for all",
    "log_level": "debug, info, warning or error",
    "argon2_cost": "lowest makes password hashing cheap: for tests only",
    "cluster_cache": "programs of `starling cluster`; default: starling in the user's cache folder",
    "cluster_port": "the first of the ports of `starling cluster`",
    "namespace": "begins the names of all topics, tables, keys: installations that share engines",
    "partitions": "of each topic, 1 to 64: fixed for the life of the installation",
    "dead_letters_max": "a projection with so many stops rather than go on without its events",
    "worker_bind": "HOST:PORT where `starling worker` answers /livez, /readyz, /metrics",
    "kafka": "HOST:PORT of brokers, comma-separated; default: that of `starling cluster`",
    "cassandra": "HOST:PORT; default: that of `starling cluster`",
    "neo4j": "bolt://USER:PASSWORD@HOST:PORT; default: that of `starling cluster`",
    "elasticsearch": "http://HOST:PORT; default: that of `starling cluster`",
    "redis": "redis://HOST:PORT/0, or redis+cluster://HOST:PORT,HOST:PORT; default: that of"
    " `starling cluster`",
    "redis_cache": "redis://HOST:PORT/0 of the views' cache; default: STARLING_REDIS, if that is no"
    " cluster",
    "postgresql": "postgresql://USER:PASSWORD@HOST:PORT/NAME; default: that of `starling cluster`",
}


class Sourced(NamedTuple):
    """A setting's value as text, and where it came from."""

    name: str
    value: str
    source: str


def load(
    environ: Mapping[str, str] | None = None, file: Path | None = None
) -> tuple[Settings, tuple[Sourced, ...]]:
    """The settings and their sources: the environment wins over the file, `STARLING_SETTINGS`
    by default, whose lines are `STARLING_X=value`. Raises SettingError."""
    environ = os.environ if environ is None else environ
    if file is None and environ.get("STARLING_SETTINGS"):
        file = Path(environ["STARLING_SETTINGS"])
    from_file = {} if file is None else _read(file)
    values: dict[str, Any] = {}
    sourced = []
    for field in msgspec.structs.fields(Settings):
        name = PREFIX + field.name.upper()
        if name in environ:
            value, source = environ[name], "environment"
        elif name in from_file:
            value, source = from_file[name], str(file)
        else:
            value, source = field.default, "default"
        _check_choice(name, value, get_args(field.type))
        values[field.name] = value
        sourced.append(Sourced(name, value, source))
    settings = Settings(**values)
    _ = settings.address, settings.threshold, settings.cluster_base_port, settings.topic_partitions
    _ = settings.parked_max, settings.worker_address
    if not _NAMESPACE.fullmatch(settings.namespace):
        raise SettingError("STARLING_NAMESPACE must be up to 20 letters and digits")
    return settings, tuple(sourced)


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if choices and value not in choices:
        raise SettingError(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}")


def _address(name: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise SettingError(f"STARLING_{name.upper()} must be HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def environ_of(settings: Settings) -> Mapping[str, str]:
    """The environment in which a program has these settings."""
    values = msgspec.structs.asdict(settings)
    return {PREFIX + name.upper(): value for name, value in values.items()}


def java_home() -> Path | None:
    """The JDK that this machine's user has chosen."""
    home = os.environ.get("JAVA_HOME")
    return Path(home) if home else None


def _read(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise SettingError(f"The settings file cannot be read: {error}") from error
    pairs = (line.partition("=") for line in map(str.strip, lines) if line and line[0] != "#")
    return {name.strip(): value.strip() for name, _, value in pairs}
