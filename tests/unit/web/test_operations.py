"""Probes: down only while the log is; whatever else is wrong is told, and served around."""

import pytest

from tests.asgi import Answered, OpenChecks, ask
from web.app import build
from web.operations import Part, routes

LOG_UP, LOG_DOWN = Part("log", "up"), Part("log", "down", "the disk is full")
SEARCH_BEHIND = Part("search_index", "degraded", "12 events behind")
GRAPH_DOWN = Part("follower_graph", "down", "no answer")


async def probe(path: str, *parts: Part) -> Answered:
    async def states() -> tuple[Part, ...]:
        return parts

    async def exposition() -> bytes:
        return b"starling_x 1\n"

    probes = routes(parts=states, exposition=exposition)
    return await ask(build(probes, OpenChecks().edge()), "GET", path)


async def test_it_is_alive_whatever_is_down() -> None:
    answer = await probe("/livez", LOG_DOWN, GRAPH_DOWN)

    assert (answer.status, answer.json()) == (200, {"state": "up"})


@pytest.mark.parametrize(
    ("parts", "status", "state"),
    [
        ((LOG_UP,), 200, "up"),
        ((LOG_UP, SEARCH_BEHIND), 200, "degraded"),
        ((LOG_UP, GRAPH_DOWN), 200, "degraded"),
        ((LOG_DOWN, SEARCH_BEHIND), 503, "down"),
    ],
)
async def test_only_the_log_makes_it_unready(
    parts: tuple[Part, ...], status: int, state: str
) -> None:
    answer = await probe("/readyz", *parts)

    assert answer.status == status
    assert answer.json()["state"] == state
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_each_part_is_listed_with_what_is_wrong() -> None:
    answer = await probe("/readyz", LOG_UP, SEARCH_BEHIND)

    assert answer.json()["parts"] == [
        {"name": "log", "state": "up", "detail": ""},
        {"name": "search_index", "state": "degraded", "detail": "12 events behind"},
    ]


async def test_metrics_are_text_for_prometheus() -> None:
    answer = await probe("/metrics")

    assert answer.body == b"starling_x 1\n"
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_probes_are_not_limited() -> None:
    assert "ratelimit" not in (await probe("/livez")).headers
