"""Post a tweet, perhaps quoting another post."""

import msgspec

from commands import answers
from commands.guards import admit, load_reachable_post
from commands.handling import Decision
from commands.mentions import content_of
from commands.ports import Ports
from domain import tweets
from domain.ids import AccountId, PostId


class PostTweet(msgspec.Struct, frozen=True, kw_only=True):
    """`post_id` and `source` are given by imports, which bring their own times."""

    author_id: AccountId
    text: str
    quote_of_id: PostId | None = None
    post_id: PostId | None = None
    source: str | None = None


async def post_tweet(command: PostTweet, ports: Ports) -> Decision:
    """Raises Invalid, Suspended, PostNotFound (the quoted one), Blocked."""
    admit(command.author_id, ports)
    content = await content_of(command.text, command.author_id, ports)
    quoted = None
    if command.quote_of_id is not None:
        quoted = await load_reachable_post(command.quote_of_id, command.author_id, ports)
    event = tweets.post(
        content,
        post_id=command.post_id or PostId(ports.stamps.event_id()),
        author_id=command.author_id,
        quoted=quoted,
        source=command.source,
    )
    return Decision(answers.post_created(event), publish=(event,))
