"""Editing one's reply."""

import pytest

from commands.edit_reply import EditReply, edit_reply
from domain.errors import Invalid, NotAllowed, PostNotFound, StaleVersion, Suspended
from domain.events import BookmarkAdded, PostHidden, ReplyEdited
from domain.ids import PostId
from domain.objects import PostCounts
from domain.posts import Versions
from tests import facts
from tests.acting import World, account, body_of, next_id

ADA = account("ada")
POSTED = facts.reply("ada", facts.tweet("bob"), "first")


def edit(
    post_id: PostId = POSTED.post_id,
    text: str = "second",
    versions: Versions = frozenset({1}),
) -> EditReply:
    return EditReply(author_id=ADA, post_id=post_id, text=text, versions=versions)


async def test_an_edit_is_appended_behind_the_version_it_names() -> None:
    world = World().given(POSTED)

    reply = await world.when(edit_reply, edit())

    assert world.news == [
        ReplyEdited(
            event_id=next_id(),
            actor_id=ADA,
            post_id=POSTED.post_id,
            personal=facts.text_of("second"),
        )
    ]
    assert world.fakes.log.recorded[-1].version == 1
    assert reply.status == 200


async def test_the_answer_is_the_post_with_the_new_text() -> None:
    bookmarked = BookmarkAdded(event_id=facts.event_id(), actor_id=ADA, post_id=POSTED.post_id)
    world = World().given(
        POSTED, facts.liked("ada", POSTED), facts.unliked("ada", POSTED), bookmarked
    )
    world.fakes.counters.posts[POSTED.post_id] = PostCounts(replies=3, likes=2)

    post = body_of(await world.when(edit_reply, edit(text="second #try")))

    assert (post["id"], post["kind"]) == (str(POSTED.post_id), "reply")
    assert (post["text"], post["version"]) == ("second #try", 2)
    assert post["edited_at"] > post["created_at"]
    assert [tag["tag"] for tag in post["entities"]["hashtags"]] == ["try"]
    assert post["counts"] == {"replies": 3, "reposts": 0, "likes": 2, "quotes": 0}
    assert post["viewer"] == {"liked": False, "reposted": False, "bookmarked": True}


async def test_each_edit_is_a_version_also_with_the_same_text() -> None:
    world = World().given(POSTED)

    await world.when(edit_reply, edit())
    reply = await world.when(edit_reply, edit(versions=frozenset({2})))

    assert body_of(reply)["version"] == 3
    assert [recorded.version for recorded in world.fakes.log.recorded[-2:]] == [1, 2]


async def test_an_edit_of_a_version_that_was_changed_since_is_refused() -> None:
    world = World().given(POSTED)
    await world.when(edit_reply, edit())

    with pytest.raises(StaleVersion):
        await world.when(edit_reply, edit(text="late"))

    assert len(world.news) == 1


async def test_an_edit_may_be_of_any_version() -> None:
    world = World().given(POSTED)
    await world.when(edit_reply, edit())

    reply = await world.when(edit_reply, edit(text="third", versions=None))

    assert body_of(reply)["version"] == 3


async def test_of_two_edits_at_the_same_time_one_is_stale() -> None:
    world = World().given(POSTED)
    other = ReplyEdited(event_id=facts.event_id(), actor_id=ADA, post_id=POSTED.post_id)
    world.fakes.log.before_write = [lambda: world.given(other)]

    with pytest.raises(StaleVersion):
        await world.when(edit_reply, edit())


async def test_someone_elses_cannot_be_edited() -> None:
    posted = facts.reply("bob", facts.tweet("cleo"))

    with pytest.raises(NotAllowed):
        await World().given(posted).when(edit_reply, edit(posted.post_id))


async def test_a_post_of_the_other_kind_is_not_found() -> None:
    posted = facts.tweet("ada")

    with pytest.raises(PostNotFound):
        await World().given(posted).when(edit_reply, edit(posted.post_id))


async def test_what_was_deleted_cannot_be_edited() -> None:
    with pytest.raises(PostNotFound):
        await World().given(POSTED, facts.deleted(POSTED)).when(edit_reply, edit())


async def test_what_moderators_hid_cannot_be_edited() -> None:
    hidden = PostHidden(
        event_id=facts.event_id(),
        actor_id=account("hal"),
        post_id=POSTED.post_id,
        post_author_id=ADA,
    )

    with pytest.raises(PostNotFound):
        await World().given(POSTED, hidden).when(edit_reply, edit())


async def test_a_suspended_account_cannot_edit() -> None:
    world = World().given(POSTED)
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(edit_reply, edit())


async def test_a_text_that_breaks_the_rules_is_refused() -> None:
    with pytest.raises(Invalid):
        await World().given(POSTED).when(edit_reply, edit(text="a" * 281))
