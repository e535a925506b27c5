"""The header fields of the OpenAPI document: which are sent, and which are answered when."""

from collections.abc import Mapping
from typing import Any, Final

from web.paging import CursorQuery, PageQuery
from web.routing import Auth, Route

Json = dict[str, Any]


def _sent(name: str, description: str, schema: Json, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


PARAMETERS: Final[Mapping[str, Json]] = {
    "Consistency-Token": _sent(
        "Consistency-Token",
        "What to wait for: tokens of earlier answers, comma-separated",
        {"pattern": r"^(v1\.[A-Za-z0-9_-]+)?$"},
    ),
    "Prefer": _sent(
        "Prefer",
        "wait=N: how many seconds to wait for the tokens, at most 10",
        {"examples": ["wait=5"]},
    ),
    "Idempotency-Key": _sent(
        "Idempotency-Key",
        "The same key and request have one effect and one answer",
        {"pattern": "^[!-~]{1,255}$"},
    ),
    "If-Match": _sent(
        "If-Match",
        "The version that was seen, or the ETag",
        {"pattern": r'^"[1-9][0-9]{0,8}(\.[0-9a-f]+)?"$', "examples": ['"1"']},
        required=True,
    ),
    "If-None-Match": _sent(
        "If-None-Match", "The ETag of what is known", {"examples": ['"1.0123456789abcdef"']}
    ),
    "As-Of": _sent(
        "As-Of",
        "For administrators: answer as of a moment that views were built as of: its time or "
        "positions, or the generations' number",
        {"pattern": r"^[0-9A-Za-z_/:.,+-]{1,4096}$", "examples": ["2026-01-31T10:30:00Z"]},
    ),
    "Last-Event-ID": _sent(
        "Last-Event-ID",
        "The id of the last event that was received",
        {"examples": ["1212092628029698048"]},
    ),
}


def _answered(description: str, kind: str = "string", **schema: Any) -> Json:
    return {"description": description, "schema": {"type": kind, **schema}}


ANSWERED: Final[Mapping[str, Json]] = {
    "Request-Id": _answered("Names this request in the server's log; the client's if it sent one"),
    "Consistency-Token": _answered("Covers what this command did, and the tokens it was sent"),
    "Idempotency-Replayed": _answered("This is the answer of an earlier request", enum=["true"]),
    "Location": _answered("Where the new thing is", format="uri-reference"),
    "ETag": _answered("The version and a hash of what is shown"),
    "Link": _answered('Further pages: rel="next" is older, rel="prev" is newer'),
    "Retry-After": _answered("Seconds to wait", "integer", minimum=0),
    "WWW-Authenticate": _answered("Bearer"),
    "As-Of": _answered("The moment that the answer is as of, where one was asked for"),
    "RateLimit": _answered("What is left of the limit"),
    "RateLimit-Policy": _answered("The limit"),
}


def sent(route: Route) -> list[Json]:
    """The header fields that the route reads."""
    names: list[str] = []
    if route.uses or route.idempotent_key:
        names.append("Consistency-Token")
    if route.uses:
        names.append("Prefer")
    if route.is_view:
        names.append("As-Of")
    if route.idempotent_key:
        names.append("Idempotency-Key")
    if 428 in route.errors:
        names.append("If-Match")
    if 304 in route.answers:
        names.append("If-None-Match")
    if _is_stream(route):
        names.append("Last-Event-ID")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def answered(route: Route, status: int) -> Json:
    """The header fields of a successful answer."""
    names = ["Request-Id"]
    if route.idempotent_key:
        names += ["Consistency-Token", "Idempotency-Replayed"]
    if status == 201:
        names.append("Location")
    if route.is_view:
        names.append("As-Of")
    if 304 in route.answers:
        names.append("ETag")
    if route.query is not None and issubclass(route.query, PageQuery | CursorQuery):
        names.append("Link")
    if route.limited:
        names += ["RateLimit", "RateLimit-Policy"]
    return _refs(names)


def of_problem(status: int) -> Json:
    """The header fields of a problem."""
    names = ["Request-Id"]
    if status in {429, 503}:
        names.append("Retry-After")
    if status == 401:
        names.append("WWW-Authenticate")
    return _refs(names)


def _refs(names: list[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _is_stream(route: Route) -> bool:
    return route.auth is not Auth.NONE and "text/event-stream" in route.answers.values()
