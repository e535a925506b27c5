"""Request ids: the client's if it is sane, made here if not, known while the request runs."""

import pytest
from starlette.types import Receive, Scope, Send

from tests.asgi import ask
from web.outgoing import send_reply
from web.request_id import RequestIds, RequestTrace, current
from web.routing import Reply

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Seeing:
    """Remembers what `current()` was."""

    def __init__(self) -> None:
        self.traces: list[RequestTrace | None] = []
        self.app = RequestIds(self._app)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.traces.append(current())
        await send_reply(Reply(204), (), scope, send)


@pytest.mark.parametrize("name", ["Request-Id", "X-Request-Id"])
@pytest.mark.parametrize("sane", ["a", "c0ffee-1:2/3=4+5.6~7@8_9", "x" * 128])
async def test_a_sane_id_is_kept(name: str, sane: str) -> None:
    seeing = Seeing()

    answer = await ask(seeing.app, "GET", "/", headers=[(name, sane)])

    assert answer.headers["request-id"] == sane
    assert seeing.traces == [RequestTrace(sane, None)]


@pytest.mark.parametrize("odd", ["", "a b", "x" * 129, 'a"', "a\r\nb", "é", "a\n", "<script>"])
async def test_any_other_id_is_replaced(odd: str) -> None:
    seeing = Seeing()

    answer = await ask(seeing.app, "GET", "/", headers=[("Request-Id", odd)])

    assert answer.headers["request-id"] != odd
    assert len(answer.headers["request-id"]) == 16


async def test_each_request_has_an_id_of_its_own() -> None:
    seeing = Seeing()

    ids = {(await ask(seeing.app, "GET", "/")).headers["request-id"] for _ in range(100)}

    assert len(ids) == 100


async def test_the_trace_is_passed_on() -> None:
    seeing = Seeing()

    await ask(seeing.app, "GET", "/", headers=[("Request-Id", "r"), ("Traceparent", TRACE)])

    assert seeing.traces == [RequestTrace("r", TRACE)]


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "00-x",
        TRACE.upper(),
        TRACE + "-more",
        "ff" + TRACE[2:],
        TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        TRACE.replace("00f067aa0ba902b7", "0" * 16),
    ],
)
async def test_a_broken_trace_is_dropped(broken: str) -> None:
    seeing = Seeing()

    await ask(seeing.app, "GET", "/", headers=[("Request-Id", "r"), ("Traceparent", broken)])

    assert seeing.traces == [RequestTrace("r", None)]


async def test_outside_of_requests_there_is_none() -> None:
    await ask(Seeing().app, "GET", "/")

    assert current() is None
