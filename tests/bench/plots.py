"""Plots of what was measured, as SVG that can be read on light and on dark pages.

python -m tests.bench.plots [--into docs/benchmarks] JSON...
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tests.bench.figures import Curve

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 56, 52
TICKS: Final = 5
# Pixels, about; and how many points of a curve are marked.
LETTER, MARKED_MAX = 7, 20
# Of Okabe and Ito, which people who see few colours tell apart: on light pages and on dark ones.
COLOURS: Final = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#e69f00"),
    ("#007a59", "#2ac89a"),
    ("#a3487e", "#dd9bc0"),
)
DASHES: Final = ("none", "7 4", "2 3", "9 3 2 3")
STYLE: Final = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #d0d7de; stroke-width: 1 }
polyline, circle { fill: none; stroke-width: 2 }
"""
DARK: Final = "text { fill: #e6edf3 } .grid { stroke: #3d444d }"


class Scale(NamedTuple):
    """From values to places along one axis; `ticks` are the values that are named there."""

    ticks: Sequence[float]
    begin: float
    end: float
    log: bool

    def place(self, value: float) -> float:
        """Where a value is, in pixels."""
        low, high, at = (
            log10(one) if self.log else one for one in (self.ticks[0], self.ticks[-1], value)
        )
        return self.begin + (at - low) / (high - low) * (self.end - self.begin)


def svg_of(curves: Sequence[Curve]) -> str:
    """One plot of curves that share their axes."""
    first = curves[0]
    across = [x for curve in curves for x, _ in curve.points]
    upright = [y for curve in curves for _, y in curve.points]
    x_ticks = _powers(across) if first.log else _even(across)
    x = Scale(x_ticks, LEFT, WIDTH - RIGHT, first.log)
    y = Scale(_even([0, *upright]), HEIGHT - BOTTOM, TOP, log=False)
    middle, foot = (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(first.title)}</title>",
        f"<style>{STYLE}{_colours(len(curves))}</style>",
        f'<text class="title" x="{LEFT}" y="22">{escape(first.title)}</text>',
        *_grid(x, y),
        f'<text x="{middle:g}" y="{foot}" text-anchor="middle">{escape(first.x)}</text>',
        f'<text x="{LEFT}" y="44">{escape(first.y)}</text>',
        *_lines(curves, x, y),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _colours(number: int) -> str:
    light, dark = [], [DARK]
    for place in range(number):
        of_light, of_dark = COLOURS[place % len(COLOURS)]
        dash = DASHES[place // len(COLOURS) % len(DASHES)]
        light.append(f".c{place} {{ stroke: {of_light}; stroke-dasharray: {dash} }}")
        dark.append(f".c{place} {{ stroke: {of_dark} }}")
    return "\n".join((*light, "@media (prefers-color-scheme: dark) {", *dark, "}\n"))


def _grid(x: Scale, y: Scale) -> Iterator[str]:
    for value in x.ticks:
        at = f"{x.place(value):.1f}"
        yield f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
        yield (
            f'<text x="{at}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_told(value)}</text>'
        )
    for value in y.ticks:
        at = f"{y.place(value):.1f}"
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text x="{LEFT - 8}" y="{at}" dy="4" text-anchor="end">{_told(value)}</text>'


def _lines(curves: Sequence[Curve], x: Scale, y: Scale) -> Iterator[str]:
    """Each with its name in the upper right corner, side by side."""
    right = WIDTH - RIGHT
    for number, curve in enumerate(curves):
        at = [(f"{x.place(one):.1f}", f"{y.place(two):.1f}") for one, two in curve.points]
        yield f'<polyline class="c{number}" points="{" ".join(map(",".join, at))}"/>'
        if len(at) <= MARKED_MAX:
            yield from (f'<circle class="c{number}" cx="{cx}" cy="{cy}" r="3"/>' for cx, cy in at)
        if len(curves) > 1:
            name, line = escape(curve.line), f"{right - 26},40 {right},40"
            yield f'<polyline class="c{number}" points="{line}"/>'
            yield f'<text x="{right - 32}" y="44" text-anchor="end">{name}</text>'
            right -= 50 + LETTER * len(curve.line)


def _even(values: Iterable[float]) -> list[float]:
    """Some even numbers at the same distance, around these."""
    known = list(values)
    low, high = min(known), max(known)
    rough = (high - low or 1) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
    first = floor(low / step)
    return [step * place for place in range(first, max(ceil(high / step), first + 1) + 1)]


def _powers(values: Iterable[float]) -> list[float]:
    """The powers of ten around these."""
    known = list(values)
    first = floor(log10(min(known)))
    return [10.0**power for power in range(first, max(ceil(log10(max(known))), first + 1) + 1)]


def _told(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def curves_in(paths: Iterable[Path]) -> Mapping[str, Sequence[Curve]]:
    """The curves of each plot."""
    found = defaultdict(list)
    for path in paths:
        for curve in msgspec.json.decode(path.read_bytes()).get("curves", ()):
            found[curve["plot"]].append(msgspec.convert(curve, Curve))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.plots", description=__doc__)
    parser.add_argument("json", type=Path, nargs="+", help="what a bench has written")
    parser.add_argument("--into", type=Path, default=Path("docs/benchmarks"))
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    for plot, curves in curves_in(asked.json).items():
        path = asked.into / f"{plot}.svg"
        path.write_text(svg_of(curves), "utf-8")
        print(path)


if __name__ == "__main__":
    main()
