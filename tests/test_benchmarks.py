"""What is written about benchmarks is what the kept runs say."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from infra.importing.imports import Files
from tests.bench import capacity, world
from tests.bench.figures import Curve
from tests.bench.kept_runs import page_of
from tests.bench.plots import curves_in, svg_of

PLOTS = curves_in(sorted(capacity.RUNS.glob("*.json")))


def test_the_capacity_tables_are_those_of_the_kept_runs() -> None:
    page = capacity.PAGE.read_text("utf-8")

    assert capacity.page_with(capacity.text(capacity.known_in()), page) == page


def test_the_page_of_the_kept_runs_is_made_from_them() -> None:
    assert (capacity.RUNS / "README.md").read_text("utf-8") == page_of()


def test_twice_the_posts_need_twice_the_cores_for_them() -> None:
    known = capacity.known_in()
    doubled = {**known, "posts": known["posts"]._replace(value=2 * known["posts"].value)}

    once, twice = (
        {(part.engine, part.name): part for part in capacity.parts(one)} for one in (known, doubled)
    )

    of_reads = {("Redis", "pages of homes"), ("Serving", "home pages")}
    of_people = {("Redis", "homes kept ready"), ("Redis", "who follows whom")}
    for part in once.keys() - {("Cassandra", "rows in and out")}:
        times = 1 if part in of_reads | of_people else 2
        assert twice[part][3:] == pytest.approx([times * value for value in once[part][3:]])


async def test_the_people_of_a_world_are_those_of_its_files(tmp_path: Path) -> None:
    posts, follows = tmp_path / "posts.jsonl", tmp_path / "follows.tsv"
    posts.write_text('{"id": "1", "user": "10", "text": "hello"}\n')
    follows.write_text("20\t10\n")
    files = Files(posts=(str(posts),), follows=(str(follows),), namespace=world.NAMESPACE)

    made = await world.imported(
        tmp_path / "world", files, {"20": ["10"]}, ["20"], ["10"], lambda _: None
    )

    (reader,), (author,) = made.readers, made.authors
    assert reader != author
    assert made.reader_of == {author: reader}
    assert made.events > 0


def test_every_plot_is_drawn_from_the_kept_runs() -> None:
    drawn = {path.stem: path.read_text("utf-8") for path in capacity.RUNS.glob("*.svg")}

    assert drawn == {plot: svg_of(curves) for plot, curves in PLOTS.items()}


@pytest.mark.parametrize("points", [[(1, 0)], [(1, 5), (100_000, 5)], [(3, 0.01), (40, 1e6)]])
@pytest.mark.parametrize("log", [False, True])
def test_a_plot_holds_every_point(points: list[tuple[float, float]], log: bool) -> None:
    curve = Curve("p", "A < B & C", "one", "x", "y", points, log)

    drawn = ElementTree.fromstring(svg_of([curve, curve]))  # noqa: S314 - we wrote it

    lines = [one for one in drawn if one.tag.endswith("polyline")]
    assert len(lines) == 4
    places = [place.split(",") for place in lines[0].attrib["points"].split()]
    assert len(places) == len(points)
    assert all(0 <= float(x) <= 720 and 0 <= float(y) <= 400 for x, y in places)


def test_plots_have_colours_for_light_and_dark_pages() -> None:
    curve = Curve("p", "A", "one", "x", "y", [(0, 1), (2, 3)])

    assert "prefers-color-scheme: dark" in svg_of([curve])
