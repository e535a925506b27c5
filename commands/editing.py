"""What edits of tweets and replies share: a post's version, and the answer with the new text."""

from commands import answers
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import posts, toggles
from domain.events import PostEdited, PostPosted
from domain.ids import AccountId, PostId
from domain.objects import PostViewer
from domain.posts import Versions


async def expected_version(post_id: PostId, versions: Versions, ports: Ports) -> int:
    """The post's version, if it is one of these. Raises StaleVersion."""
    version = posts.version_after(await ports.log.latest(posts.edits_of(post_id)))
    posts.expect_version(version, versions)
    return version


async def record_edit(posted: PostPosted, edit: PostEdited, version: int, ports: Ports) -> Decision:
    """Append the edit of the post at `version`; 200 with the post as it is then."""
    answer = answers.post_edited(
        posted,
        edit,
        version + 1,
        await ports.counters.of_post(edit.post_id),
        await _viewer(edit.actor_id, edit.post_id, ports),
    )
    # A post's version is 1 + its edits, so its stream of edits stands at one less.
    return Decision(answer, append=(Append(edit.stream, version - 1, (edit,)),))


async def _viewer(account_id: AccountId, post_id: PostId, ports: Ports) -> PostViewer:
    latest = ports.log.latest
    return PostViewer(
        liked=toggles.is_on(await latest(toggles.like_of(account_id, post_id))),
        reposted=toggles.is_on(await latest(toggles.repost_of(account_id, post_id))),
        bookmarked=toggles.is_on(await latest(toggles.bookmark_of(account_id, post_id))),
    )
