"""For administrators: reports, who is suspended, what is hidden, and who did what (the audit log).

Suspensions and hidden posts are enforced elsewhere, at once (`Refusals`); this is where they are
listed. The audit log forgets nothing; everything else about a closed account goes with it.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from domain.events import (
    AccountClosed,
    AccountErased,
    AccountReinstated,
    AccountSuspended,
    AdminActed,
    PostHidden,
    PostRestored,
    Recorded,
    ReportFiled,
    ReportResolved,
    RoleGranted,
)
from domain.ids import AccountId, EventId, PostId
from projections.projection import Projection, Store
from projections.windows import Window


class FileReport(NamedTuple):
    """Somebody reported a post. `comment` is empty if none was made or its writer was erased."""

    report_id: EventId
    reporter_id: AccountId
    post_id: PostId
    post_author_id: AccountId
    reason: str
    comment: str


class ResolveReport(NamedTuple):
    """What became of a report, perhaps before the report itself; the highest version counts."""

    report_id: EventId
    event_id: EventId
    resolved_by_id: AccountId
    resolution: str
    version: int


class SetSuspension(NamedTuple):
    """Whether an account is suspended; the highest version counts."""

    account_id: AccountId
    event_id: EventId
    by_id: AccountId
    reason: str
    on: bool
    version: int


class SetHidden(NamedTuple):
    """Whether a post is hidden; the highest version counts."""

    post_id: PostId
    author_id: AccountId
    event_id: EventId
    by_id: AccountId
    reason: str
    on: bool
    version: int


class Audit(NamedTuple):
    """An administrator (0: the operator at the command line) did something."""

    event_id: EventId
    actor_id: AccountId
    action: str
    target: str
    detail: str


class DropAccount(NamedTuple):
    """The account is closed: absorbing. Reports by it or about its posts, its suspension and
    its hidden posts are listed no more."""

    account_id: AccountId


Operation = FileReport | ResolveReport | SetSuspension | SetHidden | Audit | DropAccount


class Resolution(NamedTuple):
    """How a report was closed; when is in the event id."""

    event_id: EventId
    resolved_by_id: AccountId
    resolution: str


class Report(NamedTuple):
    """A report; when it was filed is in its id. `resolved` is None while it is open."""

    report_id: EventId
    reporter_id: AccountId
    post_id: PostId
    post_author_id: AccountId
    reason: str
    comment: str
    resolved: Resolution | None


class Suspension(NamedTuple):
    """An account is suspended; since when is in the event id."""

    event_id: EventId
    account_id: AccountId
    by_id: AccountId
    reason: str


class HiddenPost(NamedTuple):
    """A post is hidden; since when is in the event id."""

    event_id: EventId
    post_id: PostId
    author_id: AccountId
    by_id: AccountId
    reason: str


class AuditEntry(NamedTuple):
    """Who did what to what ("account/1", "post/2", ...); when is in the event id."""

    event_id: EventId
    actor_id: AccountId
    action: str
    target: str
    detail: str


class Moderation(Store[Operation], Protocol):
    """Where moderation is kept. All lists are newest first, by report or event id."""

    async def reports(self, window: Window, limit: int, *, resolved: bool) -> Sequence[Report]:
        """Open reports, or resolved ones."""

    async def suspensions(self, window: Window, limit: int) -> Sequence[Suspension]:
        """Accounts that are suspended now."""

    async def hidden_posts(self, window: Window, limit: int) -> Sequence[HiddenPost]:
        """Posts that are hidden now."""

    async def audit_log(self, window: Window, limit: int) -> Sequence[AuditEntry]:
        """What administrators did."""


def project(batch: Sequence[Recorded]) -> Sequence[Operation]:
    """The operations of a batch."""
    return [operation for recorded in batch for operation in _operations(recorded)]


def _operations(recorded: Recorded) -> Iterator[Operation]:
    event, version, _, _ = recorded
    match event:
        case ReportFiled():
            comment = event.personal.comment if event.personal else ""
            yield FileReport(
                event.event_id,
                event.actor_id,
                event.post_id,
                event.post_author_id,
                event.stated_reason,
                comment,
            )
        case ReportResolved(event_id=event_id, actor_id=actor_id, report_id=report_id):
            yield ResolveReport(report_id, event_id, actor_id, event.resolution, version)
            yield _audit(event, f"report/{report_id}", event.resolution)
        case AccountSuspended() | AccountReinstated():
            yield from _suspension(event, version)
        case PostHidden() | PostRestored():
            yield from _visibility(event, version)
        case RoleGranted() | AccountErased():
            role = event.role if isinstance(event, RoleGranted) else ""
            yield _audit(event, f"account/{event.account_id}", role)
        case AdminActed():
            yield Audit(event.event_id, event.actor_id, event.action, event.target, event.reason)
        case AccountClosed():
            yield DropAccount(event.actor_id)
        case _:
            pass


def _suspension(event: AccountSuspended | AccountReinstated, version: int) -> Iterator[Operation]:
    on = isinstance(event, AccountSuspended)
    reason = event.reason if isinstance(event, AccountSuspended) else ""
    yield SetSuspension(event.account_id, event.event_id, event.actor_id, reason, on, version)
    yield _audit(event, f"account/{event.account_id}", reason)


def _visibility(event: PostHidden | PostRestored, version: int) -> Iterator[Operation]:
    on = isinstance(event, PostHidden)
    reason = event.reason if isinstance(event, PostHidden) else ""
    yield SetHidden(
        event.post_id,
        event.post_author_id,
        event.event_id,
        event.actor_id,
        reason,
        on,
        version,
    )
    yield _audit(event, f"post/{event.post_id}", reason)


_Audited = (
    ReportResolved
    | AccountSuspended
    | AccountReinstated
    | PostHidden
    | PostRestored
    | RoleGranted
    | AccountErased
)


def _audit(event: _Audited, target: str, detail: str) -> Audit:
    """An entry whose action is the event's own name."""
    return Audit(event.event_id, event.actor_id, event.TYPE, target, detail)


MODERATION: Final = Projection(
    name="moderation",
    version=1,
    events=frozenset(
        {
            ReportFiled,
            ReportResolved,
            AccountSuspended,
            AccountReinstated,
            PostHidden,
            PostRestored,
            RoleGranted,
            AdminActed,
            AccountClosed,
            AccountErased,
        }
    ),
    project=project,
)
