"""The Java development kits of this machine."""

import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from infra.cluster.programs import Missing
from infra.settings import java_home

PLACES: Final = ("/usr/lib/jvm", "/usr/java", "/usr/local/lib/jvm", "~/.sdkman/candidates/java")
VERSION: Final = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)

# A small, quickly started server: one collector thread, and no second compiler that would compete
# with the other engines for the cores of one machine.
LIGHT: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Jdk(NamedTuple):
    """An installation of Java."""

    version: int
    home: Path

    def program(self, name: str) -> str:
        """Where one of its programs is."""
        return str(self.home / "bin" / name)


def jdk(at_least: int, at_most: int | None = None) -> Jdk:
    """The oldest that fits. Raises Missing."""
    found = [one for one in installed() if one.version >= at_least]
    if at_most is not None:
        found = [one for one in found if one.version <= at_most]
    if not found:
        wanted = f"{at_least}" if at_most == at_least else f"{at_least} or newer"
        raise Missing(f"It needs a JDK {wanted}: install one, or point JAVA_HOME at it")
    return min(found)


@cache
def installed() -> tuple[Jdk, ...]:
    """Those with a compiler, each once."""
    homes = {home.resolve() for home in _homes()}
    return tuple(
        Jdk(int(version[1]), home)
        for home in sorted(homes)
        if (home / "bin" / "javac").exists()
        and (home / "release").is_file()
        and (version := VERSION.search((home / "release").read_text()))
    )


def _homes() -> Iterator[Path]:
    home = java_home()
    if home is not None:
        yield home
    on_path = shutil.which("javac")
    if on_path:
        yield Path(on_path).resolve().parent.parent
    for place in PLACES:
        folder = Path(place).expanduser()
        if folder.is_dir():
            yield from folder.iterdir()
