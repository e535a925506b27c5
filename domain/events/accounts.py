"""Facts about accounts and handles. An account's id is the event id of its opening."""

from typing import ClassVar

import msgspec

from domain.events.fact import Fact
from domain.ids import AccountId, ItemId


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person shows of themselves."""

    handle: str
    display_name: str = ""
    bio: str = ""


class AccountOpened(Fact, frozen=True, kw_only=True):
    """`handle_key` names the handle's stream; `source` an imported account's origin."""

    TYPE: ClassVar[str] = "account.opened"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    handle_key: str
    source: str | None = None
    personal: Profile | None = None

    @property
    def stream(self) -> str:
        return f"account/{self.actor_id}"


class ProfileChanged(Fact, frozen=True, kw_only=True):
    """Carries the whole profile as it is from then on."""

    TYPE: ClassVar[str] = "account.profile_changed"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    personal: Profile | None = None

    @property
    def stream(self) -> str:
        return f"account/{self.actor_id}"


class AccountClosed(Fact, frozen=True, kw_only=True):
    """The person left: absorbing. Their posts and follows disappear from every view."""

    TYPE: ClassVar[str] = "account.closed"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    @property
    def stream(self) -> str:
        return f"account/{self.actor_id}"


class AccountErased(Fact, frozen=True, kw_only=True):
    """`actor_id` (0: the operator at the command line) had the person behind `account_id`, which
    is closed, forgotten: once this is durable the key that sealed their words is destroyed."""

    TYPE: ClassVar[str] = "account.erased"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    account_id: AccountId

    @property
    def stream(self) -> str:
        return f"erasure/{self.account_id}"

    @property
    def key(self) -> AccountId:
        return self.account_id


class RoleGranted(Fact, frozen=True, kw_only=True):
    """`actor_id` (0: the operator at the command line) gave `account_id` a role."""

    TYPE: ClassVar[str] = "account.role_granted"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    account_id: AccountId
    role: str

    @property
    def stream(self) -> str:
        return f"roles/{self.account_id}"

    @property
    def key(self) -> AccountId:
        return self.account_id


class NotificationsRead(Fact, frozen=True, kw_only=True):
    """Everything up to and including `up_to_id` was read; the highest one counts."""

    TYPE: ClassVar[str] = "account.notifications_read"
    TOPIC: ClassVar[str] = "user_events"

    up_to_id: ItemId

    @property
    def stream(self) -> str:
        return f"notifications-read/{self.actor_id}"


class HandleClaimed(Fact, frozen=True, kw_only=True):
    """`handle_key` is the handle under the installation's blinding key, never the handle."""

    TYPE: ClassVar[str] = "handle.claimed"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    handle_key: str

    @property
    def stream(self) -> str:
        return f"handle/{self.handle_key}"


class HandleReleased(Fact, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "handle.released"
    TOPIC: ClassVar[str] = "user_events"
    APPENDED: ClassVar[bool] = True

    handle_key: str

    @property
    def stream(self) -> str:
        return f"handle/{self.handle_key}"
