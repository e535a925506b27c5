"""Change the text of one's tweet; what it said before stays in its history."""

import msgspec

from commands.editing import expected_version, record_edit
from commands.guards import admit, load_post
from commands.handling import Decision
from commands.mentions import content_of
from commands.ports import Ports
from domain import tweets
from domain.ids import AccountId, PostId
from domain.posts import Versions


class EditTweet(msgspec.Struct, frozen=True, kw_only=True):
    """`versions` are those of the tweet that the edit may be of; None for any."""

    author_id: AccountId
    post_id: PostId
    text: str
    versions: Versions


async def edit_tweet(command: EditTweet, ports: Ports) -> Decision:
    """Raises Invalid, Suspended, PostNotFound, NotAllowed, StaleVersion."""
    admit(command.author_id, ports)
    content = await content_of(command.text, command.author_id, ports)
    tweet = tweets.own(await load_post(command.post_id, ports), command.author_id)
    version = await expected_version(tweet.post_id, command.versions, ports)
    edit = tweets.edit(tweet, content, event_id=ports.stamps.event_id())
    return await record_edit(tweet, edit, version, ports)
