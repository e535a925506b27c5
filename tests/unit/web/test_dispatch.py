"""Paths: a fixed segment goes before a parameter, and a miss further down tries again."""

import pytest

from domain.ids import ID_MAX
from web.dispatch import Paths

TEMPLATES = (
    "/",
    "/v1/accounts",
    "/v1/accounts/{id:id}",
    "/v1/accounts/me",
    "/v1/accounts/me/password",
    "/v1/accounts/{id:id}/posts",
    "/v1/accounts/by-handle/{handle}",
    "/v1/posts/{id:id}/likes",
    "/v1/{kind}/new",
    "/problems/{name}",
)
PATHS = Paths({template: template for template in TEMPLATES})


@pytest.mark.parametrize(
    ("path", "template", "parameters"),
    [
        ("/", "/", {}),
        ("/v1/accounts/me", "/v1/accounts/me", {}),
        ("/v1/accounts/12", "/v1/accounts/{id:id}", {"id": 12}),
        ("/v1/accounts/12/posts", "/v1/accounts/{id:id}/posts", {"id": 12}),
        ("/v1/accounts/by-handle/Ada", "/v1/accounts/by-handle/{handle}", {"handle": "Ada"}),
        ("/v1/accounts/new", "/v1/{kind}/new", {"kind": "accounts"}),
        ("/v1/posts/new", "/v1/{kind}/new", {"kind": "posts"}),
        ("/v1/posts/007/likes", "/v1/posts/{id:id}/likes", {"id": 7}),
        (f"/v1/accounts/{'9' * 40}", "/v1/accounts/{id:id}", {"id": ID_MAX}),
        ("/problems/é天", "/problems/{name}", {"name": "é天"}),
    ],
)
def test_a_path_is_found(path: str, template: str, parameters: dict[str, object]) -> None:
    assert PATHS.find(path) == (template, parameters)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//",
        "/v1",
        "/v1/accounts/",
        "/v1/accounts/x",
        "/v1/accounts/-1",
        "/v1/accounts/+1",
        "/v1/accounts/1.0",
        "/v1/accounts/٣",
        "/v1/accounts/²",
        f"/v1/accounts/{'9' * 41}",
        "/v1/accounts/by-handle/",
        "/v1/accounts/by-handle/a/b",
        "/v1/accounts/{id:id}/x",
        "/v1//new",
        "/problems/",
        "/" * 10_000,
    ],
)
def test_there_is_nothing_else(path: str) -> None:
    assert PATHS.find(path) is None


def test_a_template_with_an_unknown_kind_of_parameter_is_refused() -> None:
    with pytest.raises(KeyError):
        Paths({"/v1/{id:uuid}": "x"})
