"""What administrators see: reports, suspensions, hidden posts, the audit log."""

import pytest

from domain.events import (
    AccountReinstated,
    AccountSuspended,
    AdminActed,
    PostHidden,
    ReportComment,
    ReportFiled,
    ReportResolved,
    TweetPosted,
)
from domain.ids import AccountId
from tests import facts
from tests.read_world import ADMIN, ReadWorld, ids_of

LISTS = ("reports", "suspensions", "hidden-posts", "audit", "projections", "dead-letters")


def reported(name: str, post: TweetPosted) -> ReportFiled:
    return ReportFiled(
        event_id=facts.event_id(),
        actor_id=facts.account(name),
        post_id=post.post_id,
        post_author_id=post.actor_id,
        reason="spam",
        personal=ReportComment("really"),
    )


def resolved(report: ReportFiled) -> ReportResolved:
    return ReportResolved(
        event_id=facts.event_id(),
        actor_id=facts.account(ADMIN),
        report_id=report.event_id,
        resolution="hidden",
    )


def hidden(post: TweetPosted) -> PostHidden:
    return PostHidden(
        event_id=facts.event_id(),
        actor_id=facts.account(ADMIN),
        post_id=post.post_id,
        post_author_id=post.actor_id,
        reason="spam",
    )


@pytest.mark.parametrize("listed", LISTS)
async def test_they_are_for_administrators_only(world: ReadWorld, listed: str) -> None:
    target = f"/v1/admin/{listed}"

    assert (await world.ask(target)).status == 401
    assert (await world.ask(target, who="ada")).status == 403
    assert (await world.ask(target, who=ADMIN)).status == 200


async def test_open_reports_come_with_the_post_even_where_it_is_hidden(world: ReadWorld) -> None:
    post = facts.tweet("ada", "buy this")
    reports = [reported("bob", post), reported("cleo", post)]
    await world.given(post, *reports, hidden(post))

    page = await world.read("/v1/admin/reports", who=ADMIN)

    assert ids_of(page) == [reports[1].event_id, reports[0].event_id]
    first = page["items"][0]
    assert (first["state"], first["reason"], first["comment"]) == ("open", "spam", "really")
    assert first["resolution"] is first["resolved_at"] is first["resolved_by_id"] is None
    assert [post["text"] for post in page["includes"]["posts"]] == ["buy this"]
    assert {a["handle"] for a in page["includes"]["accounts"]} == {"ada", "bob", "cleo"}


async def test_resolved_reports_say_by_whom(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    reports = [reported("bob", post), reported("cleo", post)]
    await world.given(post, *reports, resolved(reports[0]))

    page = await world.read("/v1/admin/reports?state=resolved", who=ADMIN)

    (only,) = page["items"]
    assert (only["id"], only["resolution"]) == (str(reports[0].event_id), "hidden")
    assert only["resolved_by_id"] == str(facts.account(ADMIN))
    still = await world.read("/v1/admin/reports", who=ADMIN)
    assert ids_of(still) == [reports[1].event_id]
    assert (await world.ask("/v1/admin/reports?state=odd", who=ADMIN)).status == 422


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_reports_lead_through_their_links_both_ways(world: ReadWorld, limit: int) -> None:
    post = facts.tweet("ada")
    reports = [reported("bob", post) for _ in range(5)]
    await world.given(post, *reports)
    expected = [report.event_id for report in reports[::-1]]
    target = f"/v1/admin/reports?limit={limit}"

    down = await world.walk(target, who=ADMIN)
    up = await world.walk(f"{target}&min_id=0", who=ADMIN, rel="prev")

    assert [i for page in down for i in ids_of(page)] == expected
    assert [i for page in up[::-1] for i in ids_of(page)] == expected


async def test_who_is_suspended_is_listed_until_it_is_lifted(world: ReadWorld) -> None:
    measure = {"actor_id": facts.account(ADMIN), "account_id": facts.account("ada")}
    await world.given(AccountSuspended(event_id=facts.event_id(), reason="spam", **measure))

    page = await world.read("/v1/admin/suspensions", who=ADMIN)
    await world.given(AccountReinstated(event_id=facts.event_id(), **measure))

    assert [item["account_id"] for item in page["items"]] == [str(facts.account("ada"))]
    assert {a["handle"] for a in page["includes"]["accounts"]} == {"ada", ADMIN}
    assert (await world.read("/v1/admin/suspensions", who=ADMIN))["items"] == []


async def test_hidden_posts_are_listed_with_their_text(world: ReadWorld) -> None:
    post = facts.tweet("ada", "buy this")
    await world.given(post, hidden(post))

    page = await world.read("/v1/admin/hidden-posts", who=ADMIN)

    assert page["items"][0]["post_id"] == str(post.post_id)
    assert page["includes"]["posts"][0]["text"] == "buy this"


async def test_the_audit_log_says_who_did_what_and_why(world: ReadWorld) -> None:
    post = facts.tweet("ada")
    measure = hidden(post)
    acted = AdminActed(
        event_id=facts.event_id(),
        actor_id=AccountId(0),
        action="replay",
        target="post_cards",
        reason="a new shape",
    )
    await world.given(post, measure, acted)

    page = await world.read("/v1/admin/audit", who=ADMIN)

    assert [(i["action"], i["target"], i["detail"]) for i in page["items"]] == [
        ("replay", "post_cards", "a new shape"),
        (measure.TYPE, f"post/{post.post_id}", "spam"),
    ]
    assert [a["handle"] for a in page["includes"]["accounts"]] == [ADMIN]
