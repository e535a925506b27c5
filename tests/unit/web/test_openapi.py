"""The OpenAPI document is valid, and says of every route what the route does."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

import msgspec
import pytest
import schemathesis
from msgspec import Meta
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from commands.routes import routes as command_routes
from read_api.routes import routes as read_routes
from read_api.stream import Streaming
from web import documentation, operations
from web.openapi import document, operation_id, plain_path, problem_statuses
from web.paging import CursorQuery, PageQuery
from web.routing import Auth, Call, Reply, Route


class Anything:
    """Stands for ports and views: the routes are made, and never called."""

    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *args: object, **named: object) -> Any:
        return Anything()


def every_route() -> tuple[Route, ...]:
    anything = cast(Any, Anything())
    probes = operations.routes(parts=anything, exposition=anything)
    streaming = Streaming._make([anything] * len(Streaming._fields))
    product = (*read_routes(anything, streaming, anything), *command_routes(anything), *probes)
    return (*product, *documentation.routes(product))


ROUTES = every_route()
DOCUMENT = document(ROUTES)


class Inner(msgspec.Struct):
    name: str


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    inner: Inner | None = None


class Told(msgspec.Struct):
    id: str
    count: int = 0
    extra: str | msgspec.UnsetType = msgspec.UNSET


class Query(PageQuery, frozen=True, kw_only=True):
    q: Annotated[str, Meta(description="Words", min_length=1)]


async def endpoint(_call: Call) -> Reply:
    return Reply()


def sample(**given: Any) -> Route:
    made: dict[str, Any] = {"method": "GET", "path": "/v1/x", "endpoint": endpoint, "summary": "s"}
    return Route(**{**made, **given})


def described(**given: Any) -> Mapping[str, Any]:
    route = sample(**given)
    found: Mapping[str, Any] = document([route])["paths"][plain_path(route.path)]
    only: Mapping[str, Any] = found[route.method.lower()]
    return only


def test_the_document_is_valid() -> None:
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def test_schemathesis_can_make_requests_of_it() -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)

    made = list(schema.get_all_operations())

    assert [type(operation) for operation in made] == [Ok] * len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described(route: Route) -> None:
    operation = DOCUMENT["paths"][plain_path(route.path)][route.method.lower()]

    assert operation["summary"]
    statuses = {int(status) for status in operation["responses"]}
    assert set(route.answers) | set(route.errors) <= statuses
    assert all("$ref" in operation["responses"][str(s)] for s in problem_statuses(route))
    assert ("requestBody" in operation) == (route.body is not None)


def test_queries_are_frozen_for_requests_share_them() -> None:
    kinds = [route.query for route in ROUTES if route.query is not None]

    assert len(kinds) > 10
    assert all(kind.__struct_config__.frozen for kind in kinds)


def test_every_operation_has_a_name_of_its_own_and_a_known_tag() -> None:
    names = [operation_id(route) for route in ROUTES]

    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.isidentifier() for name in names)
    assert {route.tag for route in ROUTES} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_every_link_leads_to_an_operation_that_takes_its_parameters() -> None:
    known = {operation_id(route): route for route in ROUTES}
    links = [
        link
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]

    assert len(links) > 40
    for link in links:
        target = known[link["operationId"]]
        assert "{id:id}" in target.path
        assert ("header.If-Match" in link["parameters"]) == (428 in target.errors)


def test_a_new_post_leads_to_all_that_can_be_done_with_it() -> None:
    links = DOCUMENT["paths"]["/v1/tweets"]["post"]["responses"]["201"]["links"]

    assert {
        "getPostsById", "putPostsByIdLike", "postPostsByIdReplies", "patchTweetsById",
        "deleteTweetsById", "getPostsByIdConversation",
    } <= links.keys()  # fmt: skip
    assert links["patchTweetsById"]["parameters"] == {
        "path.id": "$response.body#/id",
        "header.If-Match": '"{$response.body#/version}"',
    }


def test_a_new_account_can_be_followed() -> None:
    links = DOCUMENT["paths"]["/v1/accounts"]["post"]["responses"]["201"]["links"]

    assert links["putAccountsByIdFollow"]["parameters"] == {"path.id": "$response.body#/id"}
    assert not [name for name in links if "Admin" in name]


def test_ids_in_paths_are_decimal_strings() -> None:
    (parameter,) = described(path="/v1/x/{id:id}")["parameters"]

    assert parameter == {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"},
    }


def test_parameters_come_from_the_query_type() -> None:
    parameters = {p["name"]: p for p in described(query=Query)["parameters"]}

    assert list(parameters) == ["limit", "max_id", "since_id", "min_id", "q"]
    assert parameters["q"]["required"]
    assert parameters["q"]["description"] == "Words"
    assert parameters["q"]["schema"] == {
        "type": "string", "minLength": 1, "pattern": "^[^\\u0000]*$",
    }  # fmt: skip
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "default": 20}
    assert parameters["max_id"]["schema"] == {"type": "string", "pattern": "^[0-9]{1,40}$"}
    assert not parameters["max_id"]["required"]


def test_bodies_say_that_unknown_fields_and_nul_are_refused() -> None:
    schemas = document([sample(method="POST", body=Asked)])["components"]["schemas"]

    assert schemas["Asked"]["additionalProperties"] is False
    assert schemas["Asked"]["required"] == ["text"]
    assert schemas["Asked"]["properties"]["text"]["pattern"] == "^[^\\u0000]*$"
    assert schemas["Inner"]["properties"]["name"]["pattern"] == "^[^\\u0000]*$"


def test_answers_promise_what_they_always_have() -> None:
    schemas = document([sample(answers={200: Told})])["components"]["schemas"]

    assert schemas["Told"]["required"] == ["id", "count"]
    assert set(schemas["Told"]["properties"]) == {"id", "count", "extra"}


@pytest.mark.parametrize(
    ("auth", "security"),
    [
        (Auth.NONE, []),
        (Auth.OPTIONAL, [{}, {"bearer": []}]),
        (Auth.REQUIRED, [{"bearer": []}]),
        (Auth.ADMIN, [{"bearer": []}]),
    ],
)
def test_who_may_ask(auth: Auth, security: Any) -> None:
    assert described(auth=auth)["security"] == security


@pytest.mark.parametrize(
    ("given", "statuses"),
    [
        ({"auth": Auth.NONE, "limited": False}, []),
        ({"auth": Auth.NONE}, [400, 429, 503]),
        ({}, [400, 401, 403, 429, 503]),
        ({"path": "/v1/x/{id:id}", "auth": Auth.NONE}, [400, 404, 429, 503]),
        ({"query": CursorQuery, "auth": Auth.NONE}, [400, 422, 429, 503]),
        ({"body": Asked, "auth": Auth.NONE}, [400, 413, 415, 422, 429, 503]),
        ({"idempotent_key": True, "auth": Auth.NONE}, [400, 409, 422, 429, 503]),
        ({"errors": (412, 428), "auth": Auth.NONE}, [400, 412, 428, 429, 503]),
        ({"answers": {200: Told, 503: Told}, "auth": Auth.NONE}, [400, 429]),
    ],
)
def test_the_problems_of_a_kind_of_route(given: Any, statuses: list[int]) -> None:
    assert problem_statuses(sample(**given)) == statuses


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, []),
        ({"uses": ("view",)}, ["Consistency-Token", "Prefer", "As-Of"]),
        ({"idempotent_key": True}, ["Consistency-Token", "Idempotency-Key"]),
        ({"errors": (412, 428)}, ["If-Match"]),
        ({"answers": {200: Told, 304: None}}, ["If-None-Match"]),
        ({"answers": {200: "text/event-stream"}}, ["Last-Event-ID"]),
    ],
)
def test_the_fields_that_a_route_reads(given: Any, names: list[str]) -> None:
    parameters = described(**given)["parameters"]

    assert [parameter["$ref"].rpartition("/")[2] for parameter in parameters] == names


def test_the_fields_of_answers() -> None:
    command = described(method="POST", idempotent_key=True, answers={201: Told})
    page = described(query=CursorQuery)

    assert {"Consistency-Token", "Location", "Request-Id", "Idempotency-Replayed"} <= set(
        command["responses"]["201"]["headers"]
    )
    assert "Link" in page["responses"]["200"]["headers"]


def test_problems_are_told_by_their_names() -> None:
    problems = DOCUMENT["components"]["responses"]

    assert "handle-taken" in problems["problem-409"]["description"]
    assert "Retry-After" in problems["problem-429"]["headers"]
    assert list(problems["problem-404"]["content"]) == ["application/problem+json"]


def test_a_body_that_is_not_json_has_its_media_type() -> None:
    response = described(answers={200: "text/plain"})["responses"]["200"]

    assert response["content"] == {"text/plain": {"schema": {"type": "string"}}}
