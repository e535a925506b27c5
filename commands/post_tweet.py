"""Post a tweet, perhaps quoting another post."""

import msgspec

from commands import answers
from commands.guards import admit, between, load_post
from commands.handling import Decision
from commands.mentions import accounts_of
from commands.ports import Ports
from domain import posts
from domain.errors import Blocked
from domain.events import TweetPosted
from domain.ids import AccountId, EventId, PostId


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
    parsed = posts.parse(command.text)
    quoted = None
    if command.quote_of_id is not None:
        quoted = await load_post(command.quote_of_id, ports)
        if (await between(command.author_id, quoted.author_id, ports)).blocked:
            raise Blocked
    accounts = await accounts_of(posts.handles_in(parsed), ports)
    event = TweetPosted(
        event_id=EventId(command.post_id or ports.stamps.event_id()),
        actor_id=command.author_id,
        quote_of_id=quoted and quoted.post_id,
        quote_of_author_id=quoted and quoted.author_id,
        source=command.source,
        personal=posts.content_of(command.text, parsed, accounts),
    )
    return Decision(answers.post_created(event), publish=(event,))
