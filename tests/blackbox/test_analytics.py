"""Reads: trends and analytics."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.blackbox.client import Api, Json, Person, expect, items_of, new_word, problem

METRICS = ("impressions", "likes", "reposts", "replies", "quotes", "follows")


def totals(series: Json) -> dict[str, int]:
    return {name: sum(bucket[name] for bucket in series["series"]) for name in METRICS}


def test_a_post_and_an_account_and_a_tag_have_series(
    api: Api, ada: Person, bob: Person, admin: Person
) -> None:
    tag = new_word()
    post = ada.tweet(f"hello #{tag}")
    bob.react("like", post)
    bob.react("repost", post)
    bob.reply(post)
    bob.tweet("look", quote_of_id=post["id"])
    bob.relate("follow", ada)
    for _ in range(2):
        body = {"post_ids": [post["id"], post["id"]]}
        expect(bob.post("/v1/impressions", json=body), 202)

    counted = dict(likes=1, reposts=1, replies=1, quotes=1, impressions=2, follows=0)
    for reader in (ada, admin):
        of_post = expect(reader.get(f"/v1/analytics/posts/{post['id']}"), 200).json()
        assert of_post.keys() == {"from", "to", "bucket", "series"}
        assert of_post["series"][0].keys() == {"at", *METRICS}
        assert totals(of_post) == counted
        of_account = expect(reader.get(f"/v1/analytics/accounts/{ada.id}"), 200).json()
        assert totals(of_account) == counted | {"follows": 1}
    for name in (tag, tag.upper()):
        of_tag = expect(api.get(f"/v1/analytics/tags/{name}"), 200).json()
        assert totals(of_tag) == counted
    assert totals(api.get(f"/v1/analytics/tags/{new_word()}").json()) == dict.fromkeys(METRICS, 0)


def test_analytics_are_the_owners(api: Api, ada: Person, bob: Person) -> None:
    post = ada.tweet()
    for path in (f"/v1/analytics/posts/{post['id']}", f"/v1/analytics/accounts/{ada.id}"):
        problem(api.get(path), 401, "not-signed-in")
        problem(bob.get(path), 403, "not-allowed")
    problem(ada.get("/v1/analytics/posts/1"), 404, "post-not-found")
    problem(ada.get("/v1/analytics/accounts/1"), 404, "account-not-found")


@pytest.mark.parametrize(("bucket", "length"), [("hour", 3_600), ("day", 86_400)])
def test_a_span_is_cut_into_buckets(ada: Person, bucket: str, length: int) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - a client has a clock of its own
    params = {
        "from": (now - timedelta(days=2)).isoformat().replace("+00:00", "Z"),
        "to": (now + timedelta(hours=1)).isoformat().replace("+00:00", "Z"),
        "bucket": bucket,
    }

    found = expect(ada.get(f"/v1/analytics/accounts/{ada.id}", params=params), 200).json()

    assert found["bucket"] == bucket
    at = [datetime.fromisoformat(one["at"]) for one in found["series"]]
    assert {(b - a).total_seconds() for a, b in pairwise(at)} == {length}
    assert at[0] <= now - timedelta(days=2)
    assert at[-1] <= now + timedelta(hours=1)


def test_a_span_that_makes_no_sense_is_422(ada: Person) -> None:
    path = f"/v1/analytics/accounts/{ada.id}"
    for params in (
        {"bucket": "week"},
        {"from": "yesterday"},
        {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"from": "1990-01-01T00:00:00Z", "bucket": "hour"},
    ):
        problem(ada.get(path, params=params), 422, "invalid")


def test_impressions_name_posts(ada: Person) -> None:
    bodies: list[Json] = [{}, {"post_ids": []}, {"post_ids": ["x"]}, {"post_ids": ["1"] * 101}]
    for body in bodies:
        problem(ada.post("/v1/impressions", json=body), 422, "invalid")
    expect(ada.post("/v1/impressions", json={"post_ids": ["1"]}), 202)


def test_a_tag_that_many_use_trends(api: Api) -> None:
    tag = new_word()
    for _ in range(6):
        api.person().tweet(f"so much #{tag}")

    trends = items_of(api.get("/v1/trends"))

    (found,) = [trend for trend in trends if trend["tag"] == tag]
    assert found.keys() == {"tag", "count", "score"}
    assert found["count"] == 6
    scores = [trend["score"] for trend in trends]
    assert scores == sorted(scores, reverse=True)
    assert len(items_of(api.get("/v1/trends?limit=1"))) == 1
    problem(api.get("/v1/trends?limit=0"), 422, "invalid")
