"""What is in the cache is whole, made once, and made again when what it is made from changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.cluster.artefacts import Artefacts


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "pom.xml"
    source.write_text("version 1")
    return source


@pytest.fixture
def make(source: Path) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "jar").write_text(source.read_text())

    return make


def never(_folder: Path) -> None:
    raise AssertionError("It is there already")


def test_it_is_made_once(tmp_path: Path, source: Path, make: Callable[[Path], None]) -> None:
    artefacts = Artefacts(tmp_path / "cache")

    made = artefacts.made("engine", [source], make)

    assert (made / "jar").read_text() == "version 1"
    assert artefacts.made("engine", [source], never) == made


def test_another_version_is_kept_beside_it(
    tmp_path: Path, source: Path, make: Callable[[Path], None]
) -> None:
    artefacts = Artefacts(tmp_path / "cache")
    first = artefacts.made("engine", [source], make)

    source.write_text("version 2")
    second = artefacts.made("engine", [source], make)

    assert (first / "jar").read_text() == "version 1"
    assert (second / "jar").read_text() == "version 2"


def test_what_was_not_finished_leaves_nothing(tmp_path: Path, source: Path) -> None:
    artefacts = Artefacts(tmp_path / "cache")

    def half(folder: Path) -> None:
        (folder / "jar").write_text("half")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        artefacts.made("engine", [source], half)

    assert [path.name for path in artefacts.cache.iterdir()] == [".engine.lock"]
