"""The commands between two accounts: follow, block, mute."""

from collections.abc import Callable
from typing import Final

from commands.block_account import BlockAccount, UnblockAccount, block_account, unblock_account
from commands.endpoints import CommandT, Handler, answering, command_route
from commands.follow_account import (
    FollowAccount,
    UnfollowAccount,
    follow_account,
    unfollow_account,
)
from commands.mute_account import MuteAccount, UnmuteAccount, mute_account, unmute_account
from commands.ports import Ports
from web.routing import Call, Route

TAG: Final = "relationships"


def routes(ports: Ports) -> tuple[Route, ...]:
    """Everything that changes how two accounts stand to each other."""

    def toggle(
        method: str,
        name: str,
        kind: Callable[..., CommandT],
        handler: Handler[CommandT],
        summary: str,
    ) -> Route:
        return command_route(
            method,
            f"/v1/accounts/{{id:id}}/{name}",
            answering(handler, _on_account(kind), ports),
            summary,
            answers={204: None},
            errors=frozenset({404}),
            tag=TAG,
        )

    return (
        toggle("PUT", "follow", FollowAccount, follow_account, "Follow an account"),
        toggle("DELETE", "follow", UnfollowAccount, unfollow_account, "Unfollow an account"),
        toggle("PUT", "block", BlockAccount, block_account, "Block an account"),
        toggle("DELETE", "block", UnblockAccount, unblock_account, "Unblock an account"),
        toggle("PUT", "mute", MuteAccount, mute_account, "Mute an account"),
        toggle("DELETE", "mute", UnmuteAccount, unmute_account, "Unmute an account"),
    )


def _on_account(kind: Callable[..., CommandT]) -> Callable[[Call], CommandT]:
    return lambda call: kind(actor_id=call.account_id, target_id=call.path["id"])
