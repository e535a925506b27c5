"""Operations: probes, metrics, the document, the pages."""

import re
import threading

import pytest

from tests.blackbox.client import Api, Person, expect

PROJECTIONS = {
    "post_cards",
    "author_timelines",
    "home_timelines",
    "conversations",
    "follower_graph",
    "search_index",
    "engagement",
    "trends",
    "notifications",
    "account_directory",
    "moderation",
}
# What the contract names, by method.
CONTRACT = """
POST /v1/accounts
GET PATCH DELETE /v1/accounts/me
PUT /v1/accounts/me/password
POST DELETE /v1/sessions
POST /v1/sessions/refresh
POST /v1/tweets
PATCH DELETE /v1/tweets/{id}
POST /v1/posts/{id}/replies
PATCH DELETE /v1/replies/{id}
PUT DELETE /v1/posts/{id}/like
PUT DELETE /v1/posts/{id}/repost
PUT DELETE /v1/posts/{id}/bookmark
PUT DELETE /v1/accounts/{id}/follow
PUT DELETE /v1/accounts/{id}/block
PUT DELETE /v1/accounts/{id}/mute
POST /v1/posts/{id}/reports
POST /v1/impressions
GET /v1/timelines/home
GET /v1/timelines/public
GET /v1/accounts/{id}/posts
GET /v1/posts/{id}
GET /v1/posts
GET /v1/accounts
GET /v1/posts/{id}/conversation
GET /v1/posts/{id}/likes
GET /v1/posts/{id}/reposts
GET /v1/posts/{id}/history
GET /v1/bookmarks
GET /v1/accounts/{id}
GET /v1/accounts/by-handle/{handle}
GET /v1/accounts/{id}/followers
GET /v1/accounts/{id}/following
GET /v1/accounts/{id}/mutuals
GET /v1/accounts/{id}/known-followers
GET /v1/suggestions
GET /v1/relationships
GET /v1/blocks
GET /v1/mutes
GET /v1/search/posts
GET /v1/search/accounts
GET /v1/notifications
PUT /v1/notifications/read
GET /v1/trends
GET /v1/analytics/posts/{id}
GET /v1/analytics/accounts/{id}
GET /v1/analytics/tags/{tag}
GET /v1/stream
GET /livez
GET /readyz
GET /metrics
GET /openapi.json
GET /docs
GET /v1/admin/projections
POST /v1/admin/projections/{name}/replay
POST /v1/admin/projections/{name}/swap
POST /v1/admin/projections/{name}/rollback
POST /v1/admin/projections/{name}/verify
POST /v1/admin/projections/{name}/repair
POST /v1/admin/projections/{name}/reapply
GET /v1/admin/dead-letters
GET /v1/admin/reports
POST /v1/admin/reports/{id}/resolve
PUT DELETE /v1/admin/accounts/{id}/suspension
PUT DELETE /v1/admin/posts/{id}/hidden
"""


def test_it_lives_and_is_ready_part_by_part(api: Api) -> None:
    expect(api.get("/livez"), 200)
    ready = expect(api.get("/readyz"), 200).json()

    parts = {part["name"]: part["state"] for part in ready["parts"]}
    assert parts.keys() >= PROJECTIONS | {"log"}
    assert set(parts.values()) <= {"up", "degraded", "down"}


def test_metrics_are_prometheus_text(api: Api, ada: Person) -> None:
    ada.tweet()
    answer = expect(api.get("/metrics"), 200)

    assert answer.headers["Content-Type"].startswith("text/plain")
    for line in answer.text.splitlines():
        assert re.fullmatch(r"#.*|[a-zA-Z_:][\w:]*(\{.*\})? \S+( \d+)?", line), line
    assert "# TYPE" in answer.text
    assert ada.id not in answer.text


def test_every_partition_has_an_owner(admin: Person) -> None:
    """A group has none while it meets, as when a member came."""
    owners: dict[str, set[str | None]] = {}
    pause = threading.Event()
    for _ in range(600):
        owners = {
            one["name"]: {partition["owner"] for partition in one["partitions"]}
            for one in admin.items("/v1/admin/projections")
        }
        if all(owners.values()) and None not in set().union(*owners.values()):
            break
        pause.wait(0.1)

    assert owners.keys() == PROJECTIONS
    for of_one in owners.values():
        (owner,) = of_one
        assert owner is not None
        assert re.fullmatch(r".+:[0-9]+", owner)


def test_a_projection_is_proven_to_equal_the_log(admin: Person, ada: Person, bob: Person) -> None:
    ada.relate("follow", bob)
    path = "/v1/admin/projections"

    expect(admin.post(f"{path}/follower_graph/verify", json={"reason": "a test"}), 202)

    pause = threading.Event()
    work = {"state": "running"}
    while work["state"] == "running":
        pause.wait(0.1)
        items = {one["name"]: one for one in admin.items(path)}
        work = items["follower_graph"]["work"]
    assert (work["work"], work["state"]) == ("verify", "done"), work["told"]
    assert work["told"].startswith("follower_graph: equal: ")


def test_the_document_names_every_path_of_the_contract(api: Api) -> None:
    document = expect(api.get("/openapi.json"), 200).json()

    assert document["openapi"].startswith("3.1")
    for line in CONTRACT.split("\n")[1:-1]:
        *methods, path = line.split(" ")
        for method in methods:
            assert method.lower() in document["paths"].get(path, {}), line


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_a_page_is_html_and_loads_nothing_from_elsewhere(api: Api, path: str) -> None:
    answer = expect(api.get(path), 200)

    assert answer.headers["Content-Type"].startswith("text/html")
    sources = re.findall(r"""(?:src|href)=["']([^"']+)""", answer.text)
    assert sources
    for source in sources:
        if source.startswith("#"):
            continue
        assert not source.startswith(("http:", "https:", "//")), source
        if not source.startswith("data:"):
            expect(api.get(source), 200)
