"""How posts, accounts and hashtags fare, and who may know."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.errors import Invalid
from domain.events import (
    AccountBlocked,
    AccountFollowed,
    AccountSuspended,
    ImpressionsRecorded,
    PostHidden,
)
from domain.ids import PostId, millis_of, rfc3339
from read_api.analytics import BUCKETS_MAX, SpanQuery, span_of
from tests import facts
from tests.read_world import ADMIN, Json, ReadWorld

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NOW_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sums(series: Json) -> dict[str, int]:
    """Each metric over the whole series, where anything happened."""
    metrics = [name for name in series["series"][0] if name != "at"]
    totals = {name: sum(bucket[name] for bucket in series["series"]) for name in metrics}
    return {name: total for name, total in totals.items() if total}


async def given_a_post(world: ReadWorld) -> int:
    post = facts.tweet("ada", "hello #tag")
    quote = facts.tweet("bob", "look", quoting=post)
    seen = ImpressionsRecorded(
        event_id=facts.event_id(), actor_id=facts.account("cleo"), post_ids=(post.post_id,)
    )
    await world.given(post, facts.liked("bob", post), facts.reply("dan", post), quote, seen)
    await world.given_relation(AccountFollowed, "bob", "ada")
    world.now_ms = millis_of(quote.event_id) + DAY_MS
    return post.post_id


async def test_a_posts_author_sees_how_it_fares_from_its_creation_on(world: ReadWorld) -> None:
    post_id = await given_a_post(world)

    series = await world.read(f"/v1/analytics/posts/{post_id}", who="ada")

    assert sums(series) == {"impressions": 1, "likes": 1, "replies": 1, "quotes": 1}
    assert series["bucket"] == "day"
    assert series["from"][:10] == rfc3339(millis_of(post_id))[:10]
    assert series["series"][0]["at"] == series["from"]
    assert series["to"] == rfc3339(world.now_ms)


async def test_an_account_gains_follows_too(world: ReadWorld) -> None:
    await given_a_post(world)

    series = await world.read(
        f"/v1/analytics/accounts/{facts.account('ada')}?bucket=hour", who="ada"
    )

    assert sums(series)["follows"] == 1
    assert len(series["series"]) in {7 * 24, 7 * 24 + 1}


async def test_a_hashtag_is_for_anybody_in_any_case(world: ReadWorld) -> None:
    await given_a_post(world)

    for tag in ("tag", "TAG", "#tag"):
        assert sums(await world.read(f"/v1/analytics/tags/{tag}"))["likes"] == 1
    assert sums(await world.read("/v1/analytics/tags/other")) == {}


@pytest.mark.parametrize(("who", "status"), [("ada", 200), (ADMIN, 200), ("bob", 403), (None, 401)])
async def test_only_who_it_is_about_and_admins_may_know(
    world: ReadWorld, who: str | None, status: int
) -> None:
    post_id = await given_a_post(world)

    for target in (f"posts/{post_id}", f"accounts/{facts.account('ada')}"):
        assert (await world.ask(f"/v1/analytics/{target}", who=who)).status == status


async def test_what_is_not_there_or_not_seen_is_404(world: ReadWorld) -> None:
    post_id = await given_a_post(world)
    await world.given_relation(AccountBlocked, "ada", "eve")

    assert (await world.ask("/v1/analytics/posts/1", who=ADMIN)).status == 404
    assert (await world.ask("/v1/analytics/accounts/1", who=ADMIN)).status == 404
    assert (await world.ask(f"/v1/analytics/posts/{post_id}", who="eve")).status == 404


async def test_admins_see_how_hidden_posts_of_suspended_people_fared(world: ReadWorld) -> None:
    post_id = await given_a_post(world)
    by, ada = facts.account(ADMIN), facts.account("ada")
    await world.given(
        PostHidden(
            event_id=facts.event_id(),
            actor_id=by,
            post_id=PostId(post_id),
            post_author_id=ada,
        ),
        AccountSuspended(event_id=facts.event_id(), actor_id=by, account_id=ada),
    )

    assert (await world.ask(f"/v1/analytics/posts/{post_id}", who=ADMIN)).status == 200
    assert (await world.ask(f"/v1/analytics/posts/{post_id}", who="bob")).status == 404


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=yesterday", "/from"),
        ("from=2026-01-01", "/from"),
        ("from=2026-01-01T00:00:00", "/from"),
        ("to=2026-13-01T00:00:00Z", "/to"),
        ("bucket=week", "/bucket"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/from"),
        ("from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "/from"),
        ("from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z&bucket=hour", "/from"),
    ],
)
async def test_a_bad_span_is_refused_where_it_is_bad(
    world: ReadWorld, query: str, pointer: str
) -> None:
    answered = await world.ask(f"/v1/analytics/tags/tag?{query}")

    assert answered.status == 422
    assert answered.json()["errors"][0]["pointer"] == pointer


async def test_a_series_is_filled_with_zeros_to_the_last_bucket(world: ReadWorld) -> None:
    query = "from=2026-01-01T10:30:00Z&to=2026-01-01T13:00:00%2B00:00&bucket=hour"

    series = await world.read(f"/v1/analytics/tags/tag?{query}")

    assert [bucket["at"] for bucket in series["series"]] == [
        "2026-01-01T10:00:00.000Z",
        "2026-01-01T11:00:00.000Z",
        "2026-01-01T12:00:00.000Z",
    ]
    assert (series["from"], series["to"]) == (
        "2026-01-01T10:00:00.000Z",
        "2026-01-01T13:00:00.000Z",
    )
    assert {value for bucket in series["series"] for value in bucket.values()} >= {0}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"])
async def test_the_ends_of_time_are_no_fault(world: ReadWorld, moment: str) -> None:
    assert (await world.ask(f"/v1/analytics/tags/tag?from={moment}&to={moment}")).status == 200


def span(**asked: Any) -> tuple[int, int]:
    found = span_of(SpanQuery(**asked), NOW_MS)
    return found.from_ms, found.to_ms


def test_a_span_may_have_as_many_buckets_as_are_allowed_and_no_more() -> None:
    most = timedelta(hours=BUCKETS_MAX)

    assert span(since=NOON - most, to=NOON, bucket="hour") == (
        NOW_MS - BUCKETS_MAX * HOUR_MS,
        NOW_MS,
    )
    with pytest.raises(Invalid):
        span(since=NOON - most - timedelta(milliseconds=1), to=NOON, bucket="hour")


def test_by_default_it_is_the_last_week() -> None:
    assert span() == (NOW_MS - 7 * DAY_MS - 12 * HOUR_MS, NOW_MS)
    assert span(to=NOON - timedelta(days=1), bucket="hour") == (
        NOW_MS - 8 * DAY_MS,
        NOW_MS - DAY_MS,
    )


def test_a_post_has_no_span_before_its_creation() -> None:
    younger = span_of(SpanQuery(), NOW_MS, born_ms=NOW_MS - DAY_MS)
    unborn = span_of(SpanQuery(to=NOON - timedelta(days=2)), NOW_MS, born_ms=NOW_MS - DAY_MS)

    assert younger.from_ms == NOW_MS - DAY_MS - 12 * HOUR_MS
    assert unborn.from_ms == unborn.to_ms - 12 * HOUR_MS
