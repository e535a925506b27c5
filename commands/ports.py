"""What the write side needs from the outside, in its own words. Adapters live in `infra/`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

import msgspec

from commands.turns import Turns
from domain.events import Event, Recorded
from domain.ids import AccountId, EventId, PostId
from domain.objects import AccountCounts, PostCounts
from domain.positions import Vector


class VersionConflict(Exception):
    """Another command changed the stream first: decide again on what it says now."""


class Append(NamedTuple):
    """Events for one stream, which must stand at `expected_version` (0: no events yet)."""

    stream: str
    expected_version: int
    events: tuple[Event, ...]


class Answer(msgspec.Struct, frozen=True):
    """What the client gets: kept with an Idempotency-Key, to be repeated."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Receipt(NamedTuple):
    """What an Idempotency-Key will answer from the moment the events are in the log."""

    scope: str
    key: str
    fingerprint: bytes
    answer: Answer


class EventLog(Protocol):
    """The only source of truth. An answer means: durable, after kill -9 of anything.

    With a receipt whose key was claimed `by_recording`, what records raises AlreadyAnswered,
    KeyReused and KeyInProgress too.
    """

    async def publish(self, events: Sequence[Event], *, receipt: Receipt | None = None) -> Vector:
        """Record events that nothing can refuse, all or none; repeating one changes nothing.

        Returns the vector that covers them. Raises Unavailable: not
        acknowledged, so the outcome may be unknown; the same events may be tried again.
        """

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        """Record events of one command on its streams, all or none; the first one decides.

        Returns the vector that covers them. Raises VersionConflict, Unavailable.
        """

    async def latest(self, stream: str) -> Recorded | None:
        """The newest acknowledged event of a stream or register."""

    async def history(self, stream: str) -> Sequence[Recorded]:
        """All acknowledged events of a stream or register, oldest first."""


class Answered(NamedTuple):
    """The key was used: its answer, and a vector that covers what it did."""

    answer: Answer
    vector: Vector


class Claimed(NamedTuple):
    """The key is ours until it is completed, released, or its lease ends."""

    scope: str
    key: str
    fingerprint: bytes


class AlreadyAnswered(Exception):
    """Another request with the key was first: it had the effect, this one has none, and both are
    `answered` alike."""

    def __init__(self, answered: Answered) -> None:
        super().__init__(answered)
        self.answered = answered


class IdempotencyStore(Protocol):
    """Idempotency-Keys, kept at least 24 h for each scope (an actor, or a handle signing up)."""

    async def claim(
        self, scope: str, key: str, fingerprint: bytes, *, by_recording: bool = False
    ) -> Claimed | Answered:
        """Take the key, or learn its answer. `by_recording`: it may be left open who has it until
        something is recorded with it, which takes it; others may decide until then.

        Raises KeyReused (another request used it), KeyInProgress (the first one still runs).
        """

    async def complete(self, claimed: Claimed, answer: Answer) -> None:
        """Keep an answer that came without events (a refusal, or nothing to change).

        Raises AlreadyAnswered, KeyReused and KeyInProgress where it was claimed `by_recording`.
        """

    async def release(self, claimed: Claimed) -> None:
        """Give the key back: the request had no effect and may be tried again."""


class Stamps(Protocol):
    """Ids and times. The only clock of the write side."""

    def event_id(self) -> EventId:
        """A new id, greater than every id this process has seen."""

    def now(self) -> datetime:
        """The time of the clock that ids are made with, aware, UTC."""


class Handles(Protocol):
    """Handles under the installation's blinding key, so that the log never shows one."""

    def key_of(self, handle: str) -> str:
        """The stream name part of a handle: the same for any case, not reversible."""


class Tokens(msgspec.Struct, frozen=True):
    """What signing in gives; `expires_in` in seconds."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    account_id: str


class IdentityProvider(Protocol):
    """Passwords and sessions. Hashing runs off the event loop, with bounded concurrency."""

    async def enroll(self, account_id: AccountId, password: str) -> None:
        """Keep a password for a new account, durably, before its events are appended."""

    async def set_password(
        self, account_id: AccountId, *, current: str, new: str, session_id: str
    ) -> None:
        """Change it and end every session but `session_id`. Raises WrongCredentials."""

    async def sign_in(self, account_id: AccountId | None, password: str) -> Tokens:
        """Open a session; takes as long for nobody (None). Raises WrongCredentials."""

    async def refresh(self, refresh_token: str) -> Tokens:
        """Rotate; a token used twice ends its whole session. Raises NotSignedIn."""

    async def sign_out(self, session_id: str) -> None:
        """Revoke the session: its access tokens are refused from now on."""

    async def forget(self, account_id: AccountId) -> None:
        """End all sessions and drop the password: the account is closed or never was."""


class Refusals(Protocol):
    """What must be refused at once, from the streams, never from a lagging projection."""

    def suspended(self, account_id: AccountId) -> bool:
        """Whether the account is suspended now."""

    def closed(self, account_id: AccountId) -> bool:
        """Whether the account was closed."""

    def hidden(self, post_id: PostId) -> bool:
        """Whether a moderator hid the post."""


class DeadLetterRequests(Protocol):
    """Where the owner of a partition is asked about an event that it had to park; every
    generation of the projection that has parked it is asked."""

    async def request(
        self, projection: str, partition: int, position: int, request: Literal["retry", "discard"]
    ) -> bool:
        """Note what is wanted, durably; the owner does it between batches, once, and tries what
        follows it by key. False: no such event is parked. Raises Unavailable."""

    async def retry_all(self, projection: str) -> int:
        """As `request`, for all that is parked and not asked about yet: how many those are.
        Raises Unavailable."""


Steer = Literal["pause", "resume", "cancel", "throttle"]
ProjectionWork = Literal["replay", "swap", "rollback", "prune", "verify", "repair", "reapply"]


class LogPart(NamedTuple):
    """What concerns an account and a post, from a time on until before another (in RFC 3339), in a
    partition: whatever of these is said."""

    account_id: AccountId | None = None
    post_id: PostId | None = None
    since: str | None = None
    until: str | None = None
    partition: str | None = None


class ProjectionWorks(Protocol):
    """What can be done with projections while the system serves."""

    async def steer(
        self,
        projection: str,
        how: Steer,
        per_s_max: float | None = None,
        generation: int | None = None,
    ) -> None:
        """Tell a replay that is under way, whoever began it; it does so within a moment. With
        `throttle`: at most so many events a second (None: no limit). One that nobody goes on with
        is begun again when it is to `resume`; `cancel` drops what was built.

        Raises NotFound (no such projection), Conflict (nothing is being built, or several
        generations are and none is named), Unavailable.
        """

    async def begin(
        self,
        projection: str,
        work: ProjectionWork,
        part: LogPart | None = None,
        per_s_max: float | None = None,
        as_of: str | None = None,
    ) -> None:
        """Begin it; it goes on after the answer. A replay does not swap, applies so many events a
        second at most, and may be as of a moment. Only what is applied again is a part of the log.

        Raises NotFound (no such projection, or no generation to let answer), Conflict (another
        work of this projection is under way), Unavailable.
        """


class Counters(Protocol):
    """Counts for the answer to an edit: from the views, so perhaps a moment old."""

    async def of_post(self, post_id: PostId) -> PostCounts:
        """Zeros while the view cannot be reached."""

    async def of_account(self, account_id: AccountId) -> AccountCounts:
        """Zeros while the view cannot be reached."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a handler may use."""

    log: EventLog
    stamps: Stamps
    handles: Handles
    identity: IdentityProvider
    refusals: Refusals
    idempotency: IdempotencyStore
    counters: Counters
    turns: Turns = field(default_factory=Turns)
