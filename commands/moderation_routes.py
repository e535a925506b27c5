"""The commands of administrators: suspend, hide, resolve."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from commands.endpoints import answering, command_route
from commands.hide_post import HidePost, RestorePost, hide_post, restore_post
from commands.ports import Ports
from commands.resolve_report import ResolveReport, resolve_report
from commands.suspend_account import (
    ReinstateAccount,
    SuspendAccount,
    reinstate_account,
    suspend_account,
)
from domain.moderation import MEASURE_REASON_CHARS_MAX, RESOLUTION_CHARS_MAX, WORDS_PATTERN
from web.routing import Auth, Call, Route

TAG: Final = "admin"
_MISSING: Final = frozenset({404})


class Measure(msgspec.Struct, forbid_unknown_fields=True):
    """Why, for the audit log; it may be left out, and so may the whole body."""

    reason: Annotated[str, Meta(max_length=MEASURE_REASON_CHARS_MAX, pattern=WORDS_PATTERN)] = ""


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """What became of the report, in the moderators' own words; it may be left out, and so may
    the whole body."""

    resolution: Annotated[
        str, Meta(min_length=1, max_length=RESOLUTION_CHARS_MAX, pattern=WORDS_PATTERN)
    ] = "resolved"


def routes(ports: Ports) -> tuple[Route, ...]:
    """Everything that moderators do; each is an event, which is the audit log."""
    suspension, hidden = "/v1/admin/accounts/{id:id}/suspension", "/v1/admin/posts/{id:id}/hidden"
    return (
        command_route(
            "PUT",
            suspension,
            answering(suspend_account, _suspend_account, ports),
            "Suspend an account",
            body=Measure,
            answers={204: None},
            errors=_MISSING,
            auth=Auth.ADMIN,
            tag=TAG,
        ),
        command_route(
            "DELETE",
            suspension,
            answering(reinstate_account, _reinstate_account, ports),
            "Lift a suspension",
            answers={204: None},
            errors=_MISSING,
            auth=Auth.ADMIN,
            tag=TAG,
        ),
        command_route(
            "PUT",
            hidden,
            answering(hide_post, _hide_post, ports),
            "Hide a post from everybody",
            body=Measure,
            answers={204: None},
            errors=_MISSING,
            auth=Auth.ADMIN,
            tag=TAG,
        ),
        command_route(
            "DELETE",
            hidden,
            answering(restore_post, _restore_post, ports),
            "Show a hidden post again",
            answers={204: None},
            errors=_MISSING,
            auth=Auth.ADMIN,
            tag=TAG,
        ),
        command_route(
            "POST",
            "/v1/admin/reports/{id:id}/resolve",
            answering(resolve_report, _resolve_report, ports),
            "Say what became of a report",
            body=Resolution,
            answers={204: None},
            errors=_MISSING,
            auth=Auth.ADMIN,
            tag=TAG,
        ),
    )


def _suspend_account(call: Call) -> SuspendAccount:
    body: Measure = call.body
    return SuspendAccount(admin_id=call.account_id, account_id=call.path["id"], reason=body.reason)


def _reinstate_account(call: Call) -> ReinstateAccount:
    return ReinstateAccount(admin_id=call.account_id, account_id=call.path["id"])


def _hide_post(call: Call) -> HidePost:
    body: Measure = call.body
    return HidePost(admin_id=call.account_id, post_id=call.path["id"], reason=body.reason)


def _restore_post(call: Call) -> RestorePost:
    return RestorePost(admin_id=call.account_id, post_id=call.path["id"])


def _resolve_report(call: Call) -> ResolveReport:
    body: Resolution = call.body
    return ResolveReport(
        admin_id=call.account_id, report_id=call.path["id"], resolution=body.resolution
    )
