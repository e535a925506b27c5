"""Logs: one JSON object a line, with the request it belongs to."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from infra.json_logs import JsonLines
from tests.asgi import ask
from web.failures import Failures
from web.request_id import RequestIds

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What was logged while the test ran; by nobody else's threads."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(lambda record: record.thread == threading.get_ident())
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_line(stream: io.StringIO) -> None:
    logging.getLogger("starling.x").warning("two\nlines of %s", "天", extra={"position": 7})

    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "starling.x",
        "message": "two\nlines of 天",
        "position": 7,
    }


async def test_a_failed_request_is_logged_with_its_id_and_cause(stream: io.StringIO) -> None:
    async def broken(scope: Scope, _receive: Receive, _send: Send) -> None:
        scope["path_template"] = "/v1/x/{id:id}"
        raise RuntimeError("the cause")

    headers = [("Request-Id", "r-1"), ("Traceparent", TRACE)]
    answer = await ask(RequestIds(Failures(broken)), "GET", "/v1/x/7", headers=headers)

    assert answer.status == 500
    (line,) = lines(stream)
    assert line["request_id"] == "r-1"
    assert line["traceparent"] == TRACE
    assert line["asked"] == "GET /v1/x/{id:id}"
    assert "RuntimeError: the cause" in line["exception"]
    assert line["level"] == "error"


def test_what_is_no_json_is_written_as_text(stream: io.StringIO) -> None:
    logging.getLogger("starling.x").error("odd", extra={"thing": frozenset({1})})

    assert lines(stream)[0]["thing"] == "frozenset({1})"
