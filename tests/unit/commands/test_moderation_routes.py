"""The commands of administrators over HTTP."""

import pytest

from domain.events import AccountSuspended, PostHidden, ReportFiled, ReportResolved
from tests import facts
from tests.acting import account
from tests.http_world import ADMIN, HttpWorld, pointers

POSTED = facts.tweet("bob")
FILED = ReportFiled(
    event_id=facts.event_id(),
    actor_id=account("ada"),
    post_id=POSTED.post_id,
    post_author_id=account("bob"),
    reason="spam",
)
SUSPENSION = f"/v1/admin/accounts/{account('bob')}/suspension"
HIDDEN = f"/v1/admin/posts/{POSTED.post_id}/hidden"
RESOLVE = f"/v1/admin/reports/{FILED.event_id}/resolve"


@pytest.mark.parametrize("path", [SUSPENSION, HIDDEN])
class TestMeasures:
    """Suspensions and hidden posts."""

    async def test_each_may_be_repeated_with_or_without_a_reason(self, path: str) -> None:
        world = HttpWorld()
        world.given(POSTED)

        answers = [
            await world.ask("PUT", path, {"reason": "spam"}, who=ADMIN),
            await world.ask("PUT", path, who=ADMIN),
            await world.ask("DELETE", path, who=ADMIN),
            await world.ask("DELETE", path, who=ADMIN),
        ]

        assert [answer.status_code for answer in answers] == [204] * 4
        first, _ = world.news
        assert isinstance(first, AccountSuspended | PostHidden)
        assert first.reason == "spam"

    async def test_a_body_is_not_needed(self, path: str) -> None:
        world = HttpWorld()
        world.given(POSTED)

        answer = await world.ask("PUT", path, who=ADMIN)

        assert (answer.status_code, len(world.news)) == (204, 1)

    @pytest.mark.parametrize("body", [{"reason": "x" * 201}, {"reason": "\0"}, {"reason": 1}])
    async def test_a_reason_that_cannot_be_kept_is_refused(self, path: str, body: object) -> None:
        world = HttpWorld()
        world.given(POSTED)

        answer = await world.ask("PUT", path, body, who=ADMIN)

        assert (answer.status_code, pointers(answer)) == (422, ["/reason"])


async def test_what_is_suspended_is_refused_at_once() -> None:
    world = HttpWorld()
    await world.ask("PUT", SUSPENSION, who=ADMIN)

    answer = await world.ask("POST", "/v1/tweets", {"text": "hello"}, who="bob")

    assert answer.status_code == 403


async def test_a_report_is_resolved() -> None:
    world = HttpWorld()
    world.given(POSTED, FILED)

    answer = await world.ask("POST", RESOLVE, {"resolution": "dismissed"}, who=ADMIN)

    assert answer.status_code == 204
    [resolved] = world.news
    assert isinstance(resolved, ReportResolved)


async def test_a_report_may_be_resolved_without_a_word() -> None:
    world = HttpWorld()
    world.given(FILED)

    answer = await world.ask("POST", RESOLVE, who=ADMIN)

    assert answer.status_code == 204
    [resolved] = world.news
    assert isinstance(resolved, ReportResolved)
    assert resolved.resolution == "resolved"


@pytest.mark.parametrize("body", [{"resolution": ""}, {"resolution": "x" * 201}])
async def test_a_resolution_says_something_and_shortly(body: object) -> None:
    world = HttpWorld()
    world.given(POSTED, FILED)

    answer = await world.ask("POST", RESOLVE, body, who=ADMIN)

    assert (answer.status_code, pointers(answer)) == (422, ["/resolution"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", SUSPENSION),
        ("DELETE", SUSPENSION),
        ("PUT", HIDDEN),
        ("DELETE", HIDDEN),
        ("POST", RESOLVE),
    ],
)
async def test_only_administrators_moderate(method: str, path: str) -> None:
    world = HttpWorld()
    world.given(POSTED, FILED)

    answer = await world.ask(method, path, {"resolution": "x"} if method == "POST" else None)

    assert answer.status_code == 403
    assert world.news == []
