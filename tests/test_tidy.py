"""The house is tidy: what the other tools do not check."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
MAKEFILE = (ROOT / "Makefile").read_text()

FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 350

# What may be longer, "path" or "path:function", and why.
LONGER: dict[str, str] = {}

UNNUMBERED = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))")
MACHINE_PATH = re.compile(r"(?<![\w.~)}\]-])/(?:root|Users|home/\w+|work|mnt|opt)/\w")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs\.|crates\.io|proxy\.golang\.org|"
    r"repo1?\.maven\.|deb\.debian\.org|--(?:extra-)?index-url|--find-links",
)


@cache
def texts() -> dict[str, str]:
    """The text files that are, or would be, in a commit. Data sets are what their authors wrote."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    found: dict[str, str] = {}
    for name in filter(None, listed):
        path = ROOT / name
        if not path.is_file() or "data" in path.relative_to(ROOT).parts:
            continue
        content = path.read_bytes()
        if b"\0" not in content and not content.startswith(b"\x1f\x8b"):
            found[name] = content.decode()
    return found


# These speak of places in images, which are the same everywhere.
IN_CONTAINERS: Final = ("docker-compose.yml:", "infra/deploy/")


def matches(pattern: re.Pattern[str]) -> list[str]:
    here = str(Path(__file__).relative_to(ROOT))
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts().items()
        if name != here
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def modules() -> Iterator[tuple[str, ast.Module, int]]:
    """Each module of the packages: its path, its syntax and its length."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            source = path.read_text()
            yield str(path.relative_to(ROOT)), ast.parse(source), len(source.splitlines())


def functions(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Each function of a module, nested ones too, and its length."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def too_long() -> set[str]:
    return {path for path, _, lines in modules() if lines > MODULE_LINES_MAX} | {
        f"{path}:{name}"
        for path, module, _ in modules()
        for name, lines in functions(module)
        if lines > FUNCTION_LINES_MAX
    }


def test_what_is_left_to_do_names_its_issue() -> None:
    assert matches(UNNUMBERED) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    found = [one for one in matches(MACHINE_PATH) if not one.startswith(IN_CONTAINERS)]
    assert found == []


def test_no_file_names_a_package_registry() -> None:
    assert matches(REGISTRY) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNNUMBERED, "# TODO: later"),
        (UNNUMBERED, "x = 1  # FIXME"),
        (MACHINE_PATH, 'DATA = "/home/ada/starling/data"'),
        (MACHINE_PATH, "cd /opt/starling"),
        (REGISTRY, "--index-url https://pypi.org/simple"),
        (REGISTRY, "--find-links wheels"),
    ],
)
def test_untidy_lines_are_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNNUMBERED, "# TODO(#12): when the archive lands"),
        (MACHINE_PATH, "GET /v1/timelines/home/next"),
        (MACHINE_PATH, "build: ./opt/starling"),
    ],
)
def test_tidy_lines_are_left_alone(pattern: re.Pattern[str], line: str) -> None:
    assert not pattern.search(line)


def test_each_module_says_what_it_is() -> None:
    assert [path for path, module, _ in modules() if not ast.get_docstring(module)] == []


def test_functions_and_modules_stay_short() -> None:
    assert too_long() - set(LONGER) == set()


def test_each_exception_is_still_needed_and_has_a_reason() -> None:
    assert set(LONGER) - too_long() == set()
    assert all(LONGER.values())


def test_each_unit_test_module_is_about_an_existing_module() -> None:
    """`tests/unit/domain/test_text_conformance.py` is about `domain/text.py`."""
    unit = ROOT / "tests" / "unit"

    astray = [
        str(path.relative_to(ROOT))
        for path in unit.rglob("test_*.py")
        if not is_about_a_module(path.relative_to(unit))
    ]

    assert astray == []


def is_about_a_module(path: Path) -> bool:
    words = path.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    folder = ROOT / path.parent
    return any((folder / f"{name}.py").is_file() or (folder / name).is_dir() for name in names)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def test_each_make_target_is_documented() -> None:
    documented = set(re.findall(r"^([a-z][a-z-]*):.*  ## \S", MAKEFILE, re.MULTILINE))

    assert targets() - documented == set()


def test_no_file_can_stand_for_a_make_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    assert phony is not None
    assert set(phony[1].split()) == targets()


def locked(name: str) -> dict[str, list[Requirement]]:
    """The pins of a lock by project: more than one where platforms differ."""
    pins: dict[str, list[Requirement]] = {}
    lock = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    for line in filter(None, (line.partition("#")[0].strip() for line in lock.splitlines())):
        requirement, *hashes = line.split(" --hash=sha256:")
        assert hashes, f"{name}: {line} has no hash"
        pin = Requirement(requirement)
        pins.setdefault(pin.name, []).append(pin)
    return pins


def missing(requirements: list[str], lock: str) -> list[str]:
    """What is declared and not pinned, or pinned outside of what is declared."""
    pins = locked(lock)
    return [
        requirement
        for requirement, parsed in ((text, Requirement(text)) for text in requirements)
        if not all(
            parsed.specifier.contains(next(iter(pin.specifier)).version)
            for pin in pins.get(parsed.name.lower(), [Requirement(f"{parsed.name}==0")])
        )
    ]


def test_the_locks_pin_what_the_project_declares() -> None:
    project = PYPROJECT["project"]
    build: list[str] = PYPROJECT["build-system"]["requires"]
    run = build + project["dependencies"]
    extras = project["optional-dependencies"]

    assert missing(run, "run.txt") == []
    assert missing(run + extras["cluster"] + extras["dev"], "dev.txt") == []


def test_both_locks_can_share_one_environment() -> None:
    run, dev = locked("run.txt"), locked("dev.txt")

    assert {name: str(pins) for name, pins in run.items()} == {
        name: str(dev.get(name)) for name in run
    }
