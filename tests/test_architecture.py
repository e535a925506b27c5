"""The architecture contracts hold, and each of them can fail.

The contracts themselves are in pyproject.toml; here one forbidden import per contract is planted
in a copy of the packages.
"""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMPORTLINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES: list[str] = IMPORTLINTER["root_packages"]
CONTRACTS: list[str] = [contract["name"] for contract in IMPORTLINTER["contracts"]]

# contract -> where the import is planted, and what it imports
PLANTS = {
    "The domain is pure": ("domain", "jwt"),
    "Nobody imports infra": ("projections", "infra"),
    "Commands import domain and web only": ("commands", "projections"),
    "Projections import domain only": ("projections", "web"),
    "The read API imports domain, web and projections only": ("read_api", "commands"),
    "Streams import domain and projections only": ("streams", "read_api"),
    "What the HTTP apps share imports domain only": ("web", "projections"),
    "The web framework stays at the edges": ("streams", "starlette"),
    "Engines stay behind their adapters": ("commands", "sqlite3"),
    "Faust stays in its worker": ("infra", "faust"),
    "Replay has no way to answer or to ask anybody": ("projections", "httpx"),
    "Who applies events does not know who listens": ("streams", "infra.live_hub"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken_contracts(tree: Path) -> set[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    report = subprocess.run(
        [linter, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False
    )
    verdicts = dict(re.findall(r"^(\S.*) (KEPT|BROKEN)\b", report.stdout, re.MULTILINE))
    assert list(verdicts) == CONTRACTS, report.stdout + report.stderr
    assert (report.returncode == 0) == ("BROKEN" not in verdicts.values())
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def test_every_contract_is_kept(copy: Path) -> None:
    assert broken_contracts(copy) == set()


def test_every_contract_has_an_import_that_breaks_it() -> None:
    assert list(PLANTS) == CONTRACTS


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_forbidden_import_breaks_its_contract(contract: str, copy: Path) -> None:
    package, imported = PLANTS[contract]

    (copy / package / "planted.py").write_text(f"import {imported}\n")

    assert contract in broken_contracts(copy)


def test_the_faust_worker_may_import_faust(copy: Path) -> None:
    (copy / "streams" / "faust" / "planted.py").write_text("import faust\n")

    assert "Faust stays in its worker" not in broken_contracts(copy)


def imported_names(module: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_the_domain_is_written_in_the_standard_library_and_msgspec() -> None:
    allowed = {*sys.stdlib_module_names, "domain", "msgspec"}

    foreign = {
        f"{module.relative_to(ROOT)} imports {name}"
        for module in (ROOT / "domain").rglob("*.py")
        for name in imported_names(module) - allowed
    }

    assert foreign == set()
