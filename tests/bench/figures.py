"""What was measured, as a table and as JSON."""

import json
import os
import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One line: a value in its unit, and perhaps its ratio to a limit of the same run."""

    name: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    aim: float | None = None
    note: str = ""


class Curve(msgspec.Struct, frozen=True):
    """One line of a plot: `plot` is the name of its file, `title` what stands above it. The axes'
    names have their units; where `log` is true, the horizontal one is logarithmic."""

    plot: str
    title: str
    line: str
    x: str
    y: str
    points: Sequence[tuple[float, float]]
    log: bool = False


class Figures:
    """Collects the lines and curves of a run."""

    def __init__(self) -> None:
        self.all: list[Figure] = []
        self.curves: list[Curve] = []

    def add(self, figure: Figure) -> None:
        """Keep it, and show it at once."""
        self.all.append(figure)
        print(line_of(figure), flush=True)

    def write(self, path: Path) -> None:
        """The whole run as JSON."""
        about: dict[str, Any] = {
            "machine": machine(),
            "figures": msgspec.to_builtins(self.all),
            "curves": msgspec.to_builtins(self.curves),
        }
        path.write_text(json.dumps(about, indent=2) + "\n", "utf-8")


def line_of(figure: Figure) -> str:
    """One row of the table."""
    digits = 0 if abs(figure.value) >= 1_000 else 1
    value = f"{figure.value:,.{digits}f} {figure.unit}"
    ratio = ""
    if figure.ratio is not None:
        ratio = f"{figure.ratio:.3f} of {figure.against}"
    aim = "" if figure.aim is None else f"aim {figure.aim}"
    return f"{figure.name:46}{value:>20}  {ratio:34}{aim:9}{figure.note}".rstrip()


def table(figures: Sequence[Figure]) -> str:
    """Only the ratios, for the end of a run."""
    return "\n".join(line_of(figure) for figure in figures if figure.ratio is not None)


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_before": os.getloadavg(),
    }
