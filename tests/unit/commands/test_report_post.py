"""Reporting a post."""

import pytest

from commands.report_post import ReportPost, report_post
from domain.errors import Invalid, PostNotFound, Suspended
from domain.events import AccountBlocked, ReportComment, ReportFiled
from domain.ids import PostId, millis_of, rfc3339
from domain.moderation import COMMENT_CHARS_MAX, REPORT_REASON_CHARS_MAX
from tests import facts
from tests.acting import World, account, body_of, next_id

ADA = account("ada")
POSTED = facts.tweet("bob")


def report(reason: str = "spam", comment: str = "", post_id: PostId = POSTED.post_id) -> ReportPost:
    return ReportPost(reporter_id=ADA, post_id=post_id, reason=reason, comment=comment)


async def test_a_report_is_published_with_its_comment_sealed_as_personal() -> None:
    world = World().given(POSTED)

    reply = await world.when(report_post, report("abuse", "he means me"))

    assert world.news == [
        ReportFiled(
            event_id=next_id(),
            actor_id=ADA,
            post_id=POSTED.post_id,
            post_author_id=account("bob"),
            reason="abuse",
            personal=ReportComment("he means me"),
        )
    ]
    assert reply.status == 201


async def test_the_answer_names_the_report() -> None:
    reply = await World().given(POSTED).when(report_post, report())

    assert body_of(reply) == {
        "id": str(next_id()),
        "post_id": str(POSTED.post_id),
        "reason": "spam",
        "created_at": rfc3339(millis_of(next_id())),
    }


async def test_one_may_report_across_a_block() -> None:
    world = World().given(POSTED).given_relation(AccountBlocked, "bob", "ada")

    assert (await world.when(report_post, report())).status == 201


async def test_a_reason_in_ones_own_words_is_sealed_as_personal() -> None:
    world = World().given(POSTED)

    reply = await world.when(report_post, report("He means me"))

    (filed,) = world.news
    assert isinstance(filed, ReportFiled)
    assert (filed.reason, filed.personal) == ("other", ReportComment("", "He means me"))
    assert body_of(reply)["reason"] == filed.stated_reason == "He means me"


@pytest.mark.parametrize("reason", ["", " \n", "x" * (REPORT_REASON_CHARS_MAX + 1), "bell \a"])
async def test_a_reason_that_says_nothing_or_cannot_be_kept_is_refused(reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        await World().given(POSTED).when(report_post, report(reason))

    assert [pointer for pointer, _ in refused.value.errors] == ["/reason"]


@pytest.mark.parametrize("comment", ["x" * (COMMENT_CHARS_MAX + 1), "nul \0", "bell \a"])
async def test_a_comment_that_cannot_be_kept_is_refused(comment: str) -> None:
    with pytest.raises(Invalid) as refused:
        await World().given(POSTED).when(report_post, report(comment=comment))

    assert [pointer for pointer, _ in refused.value.errors] == ["/comment"]


async def test_a_post_that_is_gone_is_not_found() -> None:
    world = World().given(POSTED, facts.deleted(POSTED))

    with pytest.raises(PostNotFound):
        await world.when(report_post, report())


async def test_a_suspended_account_cannot_report() -> None:
    world = World().given(POSTED)
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(report_post, report())
