"""Facts about reports and what moderators and administrators did."""

from typing import ClassVar

import msgspec

from domain.events.fact import Fact
from domain.ids import AccountId, EventId, PostId


class ReportComment(msgspec.Struct, frozen=True, omit_defaults=True):
    """`reason` is one in the reporter's own words, which the event itself calls "other"."""

    comment: str
    reason: str = ""


class ReportFiled(Fact, frozen=True, kw_only=True):
    """The report's id is the event id."""

    TYPE: ClassVar[str] = "report.filed"
    TOPIC: ClassVar[str] = "user_events"

    post_id: PostId
    post_author_id: AccountId
    reason: str
    personal: ReportComment | None = None

    @property
    def stream(self) -> str:
        return f"report/{self.event_id}"

    @property
    def stated_reason(self) -> str:
        """The reason as it was given, as long as its writer is not erased."""
        return self.personal.reason if self.personal and self.personal.reason else self.reason


class ReportResolved(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "report.resolved"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    report_id: EventId
    resolution: str

    @property
    def stream(self) -> str:
        return f"report-resolution/{self.report_id}"


class AccountSuspended(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "moderation.account_suspended"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    account_id: AccountId
    reason: str = ""

    @property
    def stream(self) -> str:
        return f"suspension/{self.account_id}"

    @property
    def key(self) -> AccountId:
        return self.account_id


class AccountReinstated(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "moderation.account_reinstated"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    account_id: AccountId

    @property
    def stream(self) -> str:
        return f"suspension/{self.account_id}"

    @property
    def key(self) -> AccountId:
        return self.account_id


class PostHidden(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "moderation.post_hidden"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    post_id: PostId
    post_author_id: AccountId
    reason: str = ""

    @property
    def stream(self) -> str:
        return f"visibility/{self.post_id}"

    @property
    def key(self) -> AccountId:
        return self.post_author_id


class PostRestored(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "moderation.post_restored"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    post_id: PostId
    post_author_id: AccountId

    @property
    def stream(self) -> str:
        return f"visibility/{self.post_id}"

    @property
    def key(self) -> AccountId:
        return self.post_author_id


class AdminActed(Fact, frozen=True, kw_only=True):
    """An administrator asked for an operation that leaves no other event: the audit log."""

    TYPE: ClassVar[str] = "moderation.admin_acted"
    TOPIC: ClassVar[str] = "user_events"

    action: str
    target: str
    reason: str = ""

    @property
    def stream(self) -> str:
        return f"audit/{self.event_id}"
