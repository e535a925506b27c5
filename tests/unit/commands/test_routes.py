"""All commands together: what the contract names is there, and documented alike."""

import pytest

from commands.routes import routes
from tests.fakes import Fakes
from web.routing import Auth, Route

ROUTES = routes(Fakes().ports)

# Under *Identity*, *Commands* and *Operations* in the contract.
CONTRACT = """
POST /v1/accounts
POST /v1/sessions
POST /v1/sessions/refresh
DELETE /v1/sessions
PATCH /v1/accounts/me
PUT /v1/accounts/me/password
DELETE /v1/accounts/me
POST /v1/tweets
PATCH /v1/tweets/{id:id}
DELETE /v1/tweets/{id:id}
POST /v1/posts/{id:id}/replies
PATCH /v1/replies/{id:id}
DELETE /v1/replies/{id:id}
PUT /v1/posts/{id:id}/like
DELETE /v1/posts/{id:id}/like
PUT /v1/posts/{id:id}/repost
DELETE /v1/posts/{id:id}/repost
PUT /v1/posts/{id:id}/bookmark
DELETE /v1/posts/{id:id}/bookmark
PUT /v1/accounts/{id:id}/follow
DELETE /v1/accounts/{id:id}/follow
PUT /v1/accounts/{id:id}/block
DELETE /v1/accounts/{id:id}/block
PUT /v1/accounts/{id:id}/mute
DELETE /v1/accounts/{id:id}/mute
POST /v1/posts/{id:id}/reports
POST /v1/impressions
PUT /v1/notifications/read
PUT /v1/admin/accounts/{id:id}/suspension
DELETE /v1/admin/accounts/{id:id}/suspension
PUT /v1/admin/posts/{id:id}/hidden
DELETE /v1/admin/posts/{id:id}/hidden
POST /v1/admin/reports/{id:id}/resolve
"""


def test_every_command_of_the_contract_has_a_route() -> None:
    assert {f"{route.method} {route.path}" for route in ROUTES} == set(
        CONTRACT.strip().splitlines()
    )


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_command_is_documented(route: Route) -> None:
    assert route.summary
    assert route.tag
    assert route.answers
    assert "/sessions" in route.path or route.idempotent_key
    assert (route.auth is Auth.ADMIN) is route.path.startswith("/v1/admin/")
