"""The OpenAPI 3.1 document, made from the route tables and the very types that validate."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any, Final

import msgspec

from web import openapi_headers as headers
from web.decoding import may_be_left_out
from web.dispatch import PARAMETER
from web.openapi_links import links_of
from web.openapi_schemas import Schemas, parameter_schemas
from web.problems import PROBLEM_JSON, STATUS, Problem
from web.routing import Auth, Route

Json = dict[str, Any]

TITLE: Final = "Starling"
SUMMARY: Final = "Post, reply, follow, and read timelines"
DESCRIPTION: Final = """\
Ids are decimal strings, times are RFC 3339 in UTC. Commands need an access token; every successful
one answers a `Consistency-Token`, and a read that carries it sees what the command did. With an
`Idempotency-Key` a command may be sent again safely. Errors are problem documents (RFC 9457).
Lists are newest first and go on at their `Link` header."""
TAGS: Final = {
    "identity": "Accounts, sign-in and sessions",
    "posts": "Tweets and replies",
    "timelines": "Home, public and account timelines",
    "reactions": "Likes, reposts, bookmarks, reports",
    "relationships": "Follows, blocks and mutes",
    "accounts": "People and how they stand to each other",
    "search": "Posts and people by words",
    "notifications": "What others did that concerns the reader",
    "trends": "What is talked about",
    "analytics": "How posts, accounts and hashtags fare",
    "stream": "Events as they happen",
    "admin": "Moderation and projections, for admins",
    "operations": "Health, metrics and this document",
}
ID_SCHEMA: Final = {"type": "string", "pattern": "^[0-9]{1,19}$"}
SEGMENT_SCHEMA: Final = {"type": "string", "pattern": "^[^/\\u0000]+$"}


def document(routes: Sequence[Route], *, version: str | None = None) -> Json:
    """The document of `routes`. `version` is the product's, by default the installed one's."""
    schemas = Schemas(_types_of(routes))
    paths: dict[str, Json] = {}
    for route in routes:
        operations = paths.setdefault(plain_path(route.path), {})
        operations[route.method.lower()] = _operation(route, routes, schemas)
    used = {route.tag for route in routes}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "summary": SUMMARY,
            "description": DESCRIPTION,
            "version": version or _installed_version(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": n, "description": d} for n, d in TAGS.items() if n in used],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": headers.PARAMETERS,
            "headers": headers.ANSWERED,
            "responses": {f"problem-{status}": _problem(status) for status in _problem_statuses()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def plain_path(path: str) -> str:
    """`/v1/posts/{id:id}` as OpenAPI writes it."""
    return PARAMETER.sub(r"{\g<name>}", path)


def operation_id(route: Route) -> str:
    """`putPostsByIdLike`: unique, and stable as long as the path is."""
    words = route.path.removeprefix("/v1").replace(".", "/").strip("/").split("/")
    parts = (PARAMETER.sub(r"by-\g<name>", word) for word in words)
    camel = "".join(p.capitalize() for part in parts for p in part.split("-"))
    return route.method.lower() + (camel or "Root")


def problem_statuses(route: Route) -> list[int]:
    """What it declares, and what any route of its kind may answer."""
    statuses = set(route.errors)
    if route.limited:
        statuses |= {400, 429, 503}
    if route.auth is not Auth.NONE:
        statuses |= {401, 403}
    if "{" in route.path:
        statuses.add(404)
    if route.body is not None:
        statuses |= {400, 413, 415, 422}
    if route.query is not None:
        statuses |= {400, 422}
    if route.idempotent_key:
        statuses |= {409, 422}
    if route.is_view:
        statuses |= {404, 409}
    return sorted(statuses - set(route.answers))


def _types_of(routes: Iterable[Route]) -> tuple[list[Any], list[Any]]:
    """The types of bodies, and those of answers."""
    bodies = [route.body for route in routes if route.body is not None]
    answers = [kind for route in routes for kind in route.answers.values() if _is_json(kind)]
    return list(dict.fromkeys(bodies)), list(dict.fromkeys([*answers, Problem]))


def _is_json(kind: Any) -> bool:
    return kind is not None and not isinstance(kind, str)


def _operation(route: Route, routes: Sequence[Route], schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.tag] if route.tag else [],
        "security": _security(route.auth),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *headers.sent(route)],
        "responses": _responses(route, routes, schemas),
    }
    if route.auth is Auth.ADMIN:
        operation["description"] = "Needs the `admin` scope."
    if route.body is not None:
        schema = schemas.of(route.body)
        operation["requestBody"] = {
            "required": not may_be_left_out(route.body),
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _security(auth: Auth) -> list[Json]:
    needed: Json = {"bearer": []}
    return {
        Auth.NONE: [],
        Auth.OPTIONAL: [{}, needed],
        Auth.REQUIRED: [needed],
        Auth.ADMIN: [needed],
    }[auth]


def _path_parameters(route: Route) -> Iterable[Json]:
    for found in PARAMETER.finditer(route.path):
        yield {
            "name": found["name"],
            "in": "path",
            "required": True,
            "schema": ID_SCHEMA if found["kind"] == "id" else SEGMENT_SCHEMA,
        }


def _query_parameters(route: Route) -> Iterable[Json]:
    if route.query is None:
        return
    for name, schema, required in parameter_schemas(route.query):
        description = schema.pop("description", None)
        parameter = {"name": name, "in": "query", "required": required, "schema": schema}
        yield parameter if description is None else {**parameter, "description": description}


def _responses(route: Route, routes: Sequence[Route], schemas: Schemas) -> Json:
    links = links_of(route, routes, operation_id)
    responses: Json = {}
    for status, kind in route.answers.items():
        answer: Json = {
            "description": HTTPStatus(status).phrase,
            "headers": headers.answered(route, status),
        }
        if isinstance(kind, str):
            unparsed = {"type": "object" if kind == "application/json" else "string"}
            answer["content"] = {kind: {"schema": unparsed}}
        elif kind is not None:
            answer["content"] = {"application/json": {"schema": schemas.of(kind)}}
        if links and status < 300:
            answer["links"] = links
        responses[str(status)] = answer
    for status in problem_statuses(route):
        responses[str(status)] = {"$ref": f"#/components/responses/problem-{status}"}
    return responses


def _problem_statuses() -> list[int]:
    return sorted(set(STATUS.values()))


def _problem(status: int) -> Json:
    kinds = sorted({r.name: r.title for r, s in STATUS.items() if s == status}.items())
    return {
        "description": "\n".join(f"- `{name}`: {title}" for name, title in kinds),
        "headers": headers.of_problem(status),
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _installed_version() -> str:
    try:
        return version_of("starling")
    except PackageNotFoundError:
        return "0+unknown"


def encoded(routes: Sequence[Route]) -> bytes:
    """The document of `routes` as JSON."""
    document_: Mapping[str, Any] = document(routes)
    return msgspec.json.encode(document_)
