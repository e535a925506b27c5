"""What many decisions ask first: may this account act, is the post there, how do two stand."""

from typing import NamedTuple

from commands.ports import Ports
from domain import posts, relationships
from domain.errors import AccountNotFound, Blocked, NotSignedIn, PostNotFound, Suspended
from domain.events import AccountClosed, PairState, RelationshipFact
from domain.ids import AccountId, PostId
from domain.posts import PostState


class Between(NamedTuple):
    """The state of a pair of accounts and the version of their stream."""

    state: PairState
    version: int

    @property
    def blocked(self) -> bool:
        """Whether either blocks the other."""
        return self.state.low.blocks or self.state.high.blocks


def admit(account_id: AccountId, ports: Ports) -> None:
    """Let an account act. Raises Suspended, NotSignedIn (closed, whatever its token says)."""
    if ports.refusals.suspended(account_id):
        raise Suspended
    if ports.refusals.closed(account_id):
        raise NotSignedIn("The account was closed")


async def load_stored_post(post_id: PostId, ports: Ports) -> PostState:
    """The post, also if nobody may see it, unless it was deleted. Raises PostNotFound."""
    return posts.found(posts.fold(await ports.log.history(posts.stream_of(post_id))))


async def load_post(post_id: PostId, ports: Ports) -> PostState:
    """The post, if anybody may see it. Raises PostNotFound."""
    state = await load_stored_post(post_id, ports)
    require_seen(state, ports)
    return state


async def load_deletable_post(post_id: PostId, actor_id: AccountId, ports: Ports) -> PostState:
    """The post; one's own also while it is hidden. Raises PostNotFound."""
    state = await load_stored_post(post_id, ports)
    if state.author_id != actor_id:
        require_seen(state, ports)
    return state


def require_seen(state: PostState, ports: Ports) -> None:
    """Raises PostNotFound for a post that was hidden, or whose author is not shown."""
    refusals = ports.refusals
    if (
        refusals.hidden(state.post_id)
        or refusals.suspended(state.author_id)
        or refusals.closed(state.author_id)
    ):
        raise PostNotFound


async def between(one: AccountId, other: AccountId, ports: Ports) -> Between:
    """How two accounts stand to each other, from their own stream; nothing for one account."""
    if one == other:
        return Between(PairState(), 0)
    recorded = await ports.log.latest(relationships.stream_of(one, other))
    if recorded is None or not isinstance(recorded.event, RelationshipFact):
        return Between(PairState(), 0)
    return Between(recorded.event.after, recorded.version)


async def load_reachable_post(post_id: PostId, actor_id: AccountId, ports: Ports) -> PostState:
    """The post, if `actor_id` may react to it. Raises PostNotFound, Blocked."""
    state = await load_post(post_id, ports)
    if (await between(actor_id, state.author_id, ports)).blocked:
        raise Blocked
    return state


async def require_account(account_id: AccountId, ports: Ports) -> None:
    """Raises AccountNotFound for an account that never was or was closed."""
    recorded = await ports.log.latest(f"account/{account_id}")
    if recorded is None or isinstance(recorded.event, AccountClosed):
        raise AccountNotFound


async def require_known_account(account_id: AccountId, ports: Ports) -> None:
    """Raises AccountNotFound for an account that never was; a closed one will do."""
    if await ports.log.latest(f"account/{account_id}") is None:
        raise AccountNotFound
