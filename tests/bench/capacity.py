"""How many machines a service of Twitter's size would need, from what was measured.

python -m tests.bench.capacity [--write]

Every cost is a figure of a run that is kept in docs/benchmarks; what is only supposed is in
`SUPPOSED`, and what was measured elsewhere in `ENGINES`. New figures give a new table: --write puts
it into docs/capacity.md.
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, log
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

ROOT: Final = Path(__file__).parent.parent.parent
RUNS: Final = ROOT / "docs" / "benchmarks"
PAGE: Final = ROOT / "docs" / "capacity.md"
BEGIN, END = "<!-- computed -->\n", "<!-- end -->\n"
_CPU: Final = re.compile(r"(\d+) us CPU")
_DAY_S: Final = 86_400


class Known(NamedTuple):
    """A number, its unit, and where it is from."""

    value: float
    unit: str
    source: str


# Of issue and design: the service that is planned for.
WANTED: Final = {
    "users": Known(500e6, "users", "wanted"),
    "posts": Known(7_000, "posts/s", "wanted"),
    "fan_out": Known(700, "followers of a post's author, in the mean", "wanted"),
    "reads": Known(300_000, "home pages/s", "wanted"),
}
SUPPOSED: Final = {
    "seen": Known(0.5, "of the users read within 14 days: their homes are kept ready", "supposed"),
    "depth": Known(800, "entries in each of these, all full", "supposed"),
    "follows": Known(150, "follows of a user; posts come from those with more", "supposed"),
    "reactions": Known(5, "other events for each post", "supposed"),
    "kept_days": Known(
        365, "days of posts in Redis, where home timelines need them all", "supposed"
    ),
    "hot_days": Known(2, "days of posts whose cards are in Redis", "supposed"),
    "card_bytes": Known(1_200, "bytes of a card there", "supposed"),
    "missed": Known(0.02, "of the cards of a page are not there", "supposed"),
    "rows": Known(4, "rows in Cassandra for an event, archive included", "supposed"),
    "projections": Known(11, "projections that take each event", "supposed"),
    "copies": Known(3, "copies in Kafka and Cassandra", "supposed"),
    "redis_copies": Known(2, "copies in Redis: a replica for each", "supposed"),
    "busy": Known(0.5, "of a core is used: the rest is for bursts and lost machines", "supposed"),
    "cores": Known(32, "cores of a machine", "supposed"),
    "memory": Known(400, "GB of a machine of 512 that data may take", "supposed"),
    "disk": Known(30, "TB of a machine's disks", "supposed"),
    "event_bytes": Known(600, "bytes of an event in Cassandra: log, views, compressed", "supposed"),
    "cards": Known(20, "cards of a page", "wanted"),
}
# Measured when the engines were chosen, on one core each unless it says otherwise.
ENGINES: Final = {
    "kafka_in": Known(47_000, "records/s into Kafka, of both cores' 94,000", "engine alone"),
    "kafka_out": Known(189_000, "records/s out of Kafka, of both cores' 378,000", "engine alone"),
    "cassandra_in": Known(10_000, "rows/s into Cassandra, 20 at once", "engine alone"),
    "cassandra_out": Known(5_000, "rows/s out of Cassandra", "supposed: half of that"),
    "taken": Known(6_000, "events/s taken by a worker of one projection", "Faust alone"),
}


class Part(NamedTuple):
    """What a part of the service needs, all copies: cores that are wholly busy, bytes of memory and
    of disk."""

    engine: str
    name: str
    load: str
    cores: float = 0
    memory: float = 0
    disk: float = 0


def measured(runs: Path = RUNS) -> Mapping[str, Known]:
    """The figures of the runs that are kept. Raises LookupError if one is missing."""
    fanout, cluster = _run(runs / "fanout.json"), _run(runs / "cluster.json")
    deliveries = _curve(fanout, "cost_per_delivery")
    wanted = log(WANTED["fan_out"].value)
    followers, delivery = min(deliveries, key=lambda point: abs(log(point[0]) - wanted))
    users, page = _curve(fanout, "cost_per_page")[-1]
    return {
        "delivery": Known(
            delivery, f"us of Redis for a delivery, {followers:,.0f} followers", "fanout.json"
        ),
        "page": Known(page, f"us of Redis for a home page, {users:,.0f} users", "fanout.json"),
        "entry": _figure(fanout, "An entry of a home", "bytes of Redis for an entry of a home"),
        "follow": _figure(fanout, "A follow", "bytes of Redis for a follow, both directions"),
        "post": _figure(fanout, "A post", "bytes of Redis for a post that homes are made of"),
        "serve": _cpu(cluster, "Home page", "us of a serving process for a home page of 20"),
        "command": _cpu(cluster, "Tweets acknowledged", "us of it for a tweet"),
    }


def parts(known: Mapping[str, Known]) -> Sequence[Part]:
    """Of the whole service."""
    of = {name: one.value for name, one in known.items()}
    return (*_of_redis(of), *_of_others(of))


def _of_redis(of: Mapping[str, float]) -> Iterator[Part]:
    deliveries, seen = of["posts"] * of["fan_out"], of["users"] * of["seen"]
    posts_a_day, copies = of["posts"] * _DAY_S, of["redis_copies"]
    kept, hot = posts_a_day * of["kept_days"], posts_a_day * of["hot_days"]
    follows = of["users"] * of["follows"]
    yield Part(
        "Redis",
        "deliveries into homes",
        f"{deliveries / 1e6:.1f} million/s",
        cores=deliveries * of["delivery"] / 1e6 * copies,
    )
    yield Part(
        "Redis",
        "pages of homes",
        f"{of['reads']:,.0f}/s",
        cores=of["reads"] * of["page"] / 1e6,
    )
    for name, number, what, bytes_each in (
        ("homes kept ready", seen, f"of {of['depth']:.0f} entries", of["depth"] * of["entry"]),
        ("who follows whom", follows, "follows", of["follow"]),
        ("posts of homes", kept, "posts", of["post"]),
        ("cards", hot, "cards", of["card_bytes"]),
    ):
        told = f"{number / 1e9:,.2f} billion {what}"
        yield Part("Redis", name, told, memory=number * bytes_each * copies)


def _of_others(of: Mapping[str, float]) -> Iterator[Part]:
    events, copies = of["posts"] * (1 + of["reactions"]), of["copies"]
    taken, rows = events * of["projections"], events * of["rows"]
    missed = of["reads"] * of["cards"] * of["missed"]
    year = events * _DAY_S * 365
    yield Part(
        "Serving", "home pages", f"{of['reads']:,.0f}/s", cores=of["reads"] * of["serve"] / 1e6
    )
    yield Part("Serving", "commands", f"{events:,.0f}/s", cores=events * of["command"] / 1e6)
    yield Part("Workers", "events", f"{taken:,.0f}/s", cores=taken / of["taken"])
    yield Part(
        "Kafka",
        "events in, and out to each projection",
        f"{events:,.0f}/s",
        cores=events * copies / of["kafka_in"] + taken / of["kafka_out"],
    )
    yield Part(
        "Cassandra",
        "rows in and out",
        f"{rows:,.0f}/s in, {missed:,.0f}/s out",
        cores=rows * copies / of["cassandra_in"] + missed / of["cassandra_out"],
    )
    told = f"{year / 1e9:,.0f} billion events"
    yield Part("Cassandra", "a year of the log", told, disk=year * of["event_bytes"] * copies)


def machines(of_engine: Sequence[Part], known: Mapping[str, Known]) -> int:
    """For the parts of one engine: what cores, memory or disks ask for, whichever is most, and one
    for each copy at least."""
    of = {name: one.value for name, one in known.items()}
    return ceil(
        max(
            sum(part.cores for part in of_engine) / of["busy"] / of["cores"],
            sum(part.memory for part in of_engine) / 1e9 / of["memory"],
            sum(part.disk for part in of_engine) / 1e12 / of["disk"],
            of["copies"],
        )
    )


def text(known: Mapping[str, Known]) -> str:
    """The tables of docs/capacity.md."""
    lines = [
        "| engine | part | load | cores, wholly busy | memory | disk |",
        "|---|---|---|---|---|---|",
    ]
    numbers = ["| number | what | source |", "|---|---|---|"]
    totals = ["| engine | machines |", "|---|---|"]
    found = parts(known)
    for part in found:
        used = " | ".join((_cores(part.cores), _bytes(part.memory), _bytes(part.disk)))
        lines.append(f"| {part.engine} | {part.name} | {part.load} | {used} |")
    for engine in dict.fromkeys(part.engine for part in found):
        number = machines([part for part in found if part.engine == engine], known)
        totals.append(f"| {engine} | {number:,} |")
    numbers += [f"| {_told(one.value)} | {one.unit} | {one.source} |" for one in known.values()]
    return "\n".join((*lines, "", *totals, "", *numbers)) + "\n"


def known_in(runs: Path = RUNS) -> Mapping[str, Known]:
    """Everything that the tables are made from."""
    return {**WANTED, **measured(runs), **ENGINES, **SUPPOSED}


def page_with(tables: str, page: str) -> str:
    """The page with these tables instead of its own."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}{tables}{END}{rest.split(END)[1]}"


def _run(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


def _curve(run: Any, plot: str) -> Sequence[tuple[float, float]]:
    for curve in run["curves"]:
        if curve["plot"] == plot:
            return [(x, y) for x, y in curve["points"]]
    raise LookupError(f"No curve {plot}")


def _named(run: Any, name: str) -> Any:
    for figure in run["figures"]:
        if figure["name"].startswith(name):
            return figure
    raise LookupError(f"No figure {name}")


def _figure(run: Any, name: str, what: str) -> Known:
    return Known(_named(run, name)["value"], what, "fanout.json")


def _cpu(run: Any, name: str, what: str) -> Known:
    """The processor time that stands in a figure's note."""
    found = _CPU.search(_named(run, name)["note"])
    if found is None:
        raise LookupError(f"No processor time of {name}")
    return Known(float(found[1]), what, "cluster.json")


def _cores(value: float) -> str:
    return f"{value:,.0f}" if value else ""


def _bytes(value: float) -> str:
    return f"{value / 1e12:,.1f} TB" if value else ""


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.capacity", description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/capacity.md")
    tables = text(known_in())
    if parser.parse_args().write:
        PAGE.write_text(page_with(tables, PAGE.read_text("utf-8")), "utf-8")
    print(tables)


if __name__ == "__main__":
    main()
