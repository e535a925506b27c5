"""Links of the OpenAPI document: which requests can follow on an answer, with its ids."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from web.routing import Route

_ID: Final = "$response.body#/id"
_FIRST: Final = "$response.body#/items/0/id"
_SEEN: Final = '"{$response.body#/version}"'
_ANY_POST: Final = "/v1/posts/{id:id}"
_TWEET: Final = "/v1/tweets/{id:id}"
_REPLY: Final = "/v1/replies/{id:id}"
_ACCOUNT: Final = "/v1/accounts/{id:id}"

# What was answered -> under which paths it can be used, and where its id stands.
_LEADS_TO: Final[Mapping[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("POST", "/v1/tweets"): ((_ANY_POST, _ID), (_TWEET, _ID)),
    ("PATCH", _TWEET): ((_ANY_POST, _ID), (_TWEET, _ID)),
    ("POST", f"{_ANY_POST}/replies"): ((_ANY_POST, _ID), (_REPLY, _ID)),
    ("PATCH", _REPLY): ((_ANY_POST, _ID), (_REPLY, _ID)),
    ("POST", "/v1/accounts"): ((_ACCOUNT, _ID),),
    ("GET", "/v1/timelines/public"): ((_ANY_POST, _FIRST),),
    ("GET", "/v1/search/accounts"): ((_ACCOUNT, _FIRST),),
    ("GET", "/v1/admin/reports"): (("/v1/admin/reports/{id:id}", _FIRST),),
}


def links_of(
    route: Route, routes: Sequence[Route], operation_id: Callable[[Route], str]
) -> dict[str, Any]:
    """The links of the route's successful answer, by the operation they lead to."""
    links: dict[str, Any] = {}
    for prefix, expression in _LEADS_TO.get((route.method, route.path), ()):
        for target in routes:
            if target.path == prefix or target.path.startswith(f"{prefix}/"):
                name = operation_id(target)
                links[name] = {"operationId": name, "parameters": _parameters(target, expression)}
    return links


def _parameters(target: Route, expression: str) -> dict[str, str]:
    parameters = {"path.id": expression}
    if 428 in target.errors:
        parameters["header.If-Match"] = _SEEN
    return parameters
