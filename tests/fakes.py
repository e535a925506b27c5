"""Working stand-ins for the ports of the write side: they keep the ports' promises in memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from commands.ports import (
    Answer,
    Answered,
    Append,
    Claimed,
    Ports,
    Receipt,
    Tokens,
    VersionConflict,
)
from commands.turns import Turns
from domain.errors import KeyInProgress, KeyReused, NotSignedIn, WrongCredentials
from domain.events import (
    AccountClosed,
    AccountReinstated,
    AccountSuspended,
    Event,
    PostHidden,
    PostRestored,
    Recorded,
)
from domain.ids import AccountId, EventId, PostId, compose
from domain.objects import AccountCounts, PostCounts
from domain.positions import EMBEDDED_LOG, Vector

NOON_MS: Final = 1_767_268_800_000  # 2026-01-01T12:00:00Z


class FakeStamps:
    """Ids that count up within a clock which only `advance` moves."""

    def __init__(self, now_ms: int = NOON_MS) -> None:
        self.now_ms = now_ms
        self._sequence = -1

    def event_id(self) -> EventId:
        self._sequence += 1
        ms, sequence = divmod(self._sequence, 4096)
        return EventId(compose(self.now_ms + ms, 1, sequence))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    def advance(self, *, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)
        self._sequence = -1


class FakeIdempotency:
    """Idempotency-Keys in dicts: `answered` has what they answer, `fingerprints` for what."""

    def __init__(self) -> None:
        self.fingerprints: dict[tuple[str, str], bytes] = {}
        self._running: set[tuple[str, str]] = set()
        self.answered: dict[tuple[str, str], Answered] = {}

    async def claim(
        self, scope: str, key: str, fingerprint: bytes, *, by_recording: bool = False
    ) -> Claimed | Answered:
        owned = (scope, key)
        if self.fingerprints.setdefault(owned, fingerprint) != fingerprint:
            raise KeyReused
        if owned in self.answered:
            return self.answered[owned]
        if owned in self._running:
            raise KeyInProgress
        self._running.add(owned)
        return Claimed(scope, key, fingerprint)

    async def complete(self, claimed: Claimed, answer: Answer) -> None:
        self.keep(Receipt(claimed.scope, claimed.key, claimed.fingerprint, answer), {})

    async def release(self, claimed: Claimed) -> None:
        owned = (claimed.scope, claimed.key)
        self._running.discard(owned)
        if owned not in self.answered:
            self.fingerprints.pop(owned, None)

    def keep(self, receipt: Receipt, vector: Vector) -> None:
        """What the log does with a receipt, together with the events."""
        owned = (receipt.scope, receipt.key)
        self.fingerprints[owned] = receipt.fingerprint
        self.answered[owned] = Answered(receipt.answer, vector)


class FakeEventLog:
    """`commands.ports.EventLog` in memory, without encoding.

    `failures` are raised by the next writes, which then record nothing. `before_write` runs at
    the start of each write: a test makes a concurrent command win there.
    """

    def __init__(
        self,
        *,
        idempotency: FakeIdempotency | None = None,
        on_commit: Iterable[Callable[[Sequence[Recorded]], None]] = (),
    ) -> None:
        self.recorded: list[Recorded] = []
        self.failures: list[Exception] = []
        self.before_write: list[Callable[[], object]] = []
        self._streams: dict[str, dict[int, Recorded]] = {}
        self._idempotency = idempotency
        self._on_commit = tuple(on_commit)

    @property
    def events(self) -> list[Event]:
        """Everything in the log, in order."""
        return [recorded.event for recorded in self.recorded]

    async def publish(self, events: Sequence[Event], *, receipt: Receipt | None = None) -> Vector:
        self._fail_if_told()
        return self._commit([(event, int(event.event_id)) for event in events], receipt)

    async def append(self, appends: Sequence[Append], *, receipt: Receipt | None = None) -> Vector:
        self._fail_if_told()
        versioned: list[tuple[Event, int]] = []
        for stream, expected_version, events in appends:
            if expected_version != max(self._streams.get(stream, {0: None})):
                raise VersionConflict(stream)
            for version, event in enumerate(events, start=expected_version + 1):
                assert event.stream == stream, f"{event} is not of the stream {stream}"
                versioned.append((event, version))
        return self._commit(versioned, receipt)

    async def latest(self, stream: str) -> Recorded | None:
        versions = self._streams.get(stream)
        return versions[max(versions)] if versions else None

    async def history(self, stream: str) -> Sequence[Recorded]:
        return [recorded for _, recorded in sorted(self._streams.get(stream, {}).items())]

    def given(self, *events: Event) -> "FakeEventLog":
        """Record earlier events, each appended to its stream."""
        for event in events:
            version = max(self._streams.get(event.stream, {0: None})) + 1
            self._commit([(event, version)], None)
        return self

    def given_published(self, *events: Event) -> "FakeEventLog":
        """Record earlier events that were published."""
        self._commit([(event, int(event.event_id)) for event in events], None)
        return self

    def _fail_if_told(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if self.before_write:
            self.before_write.pop(0)()

    def _commit(self, versioned: Sequence[tuple[Event, int]], receipt: Receipt | None) -> Vector:
        fresh, positions = [], [0]
        for event, version in versioned:
            versions = self._streams.setdefault(event.stream, {})
            if version not in versions:
                position = len(self.recorded) + 1
                versions[version] = Recorded(event, version, position)
                self.recorded.append(versions[version])
                fresh.append(versions[version])
            positions.append(versions[version].position)
        vector = {EMBEDDED_LOG: max(positions)}
        if receipt is not None and self._idempotency is not None:
            self._idempotency.keep(receipt, vector)
        if fresh:
            for committed in self._on_commit:
                committed(fresh)
        return vector


class FakeHandles:
    """Handle keys that a test can read."""

    def key_of(self, handle: str) -> str:
        return handle.casefold()


class FakeRefusals:
    """What must be refused; learns from a FakeEventLog whose `on_commit` has `learn`."""

    def __init__(self) -> None:
        self.suspended_ids: set[AccountId] = set()
        self.closed_ids: set[AccountId] = set()
        self.hidden_ids: set[PostId] = set()

    def suspended(self, account_id: AccountId) -> bool:
        return account_id in self.suspended_ids

    def closed(self, account_id: AccountId) -> bool:
        return account_id in self.closed_ids

    def hidden(self, post_id: PostId) -> bool:
        return post_id in self.hidden_ids

    def learn(self, recorded: Sequence[Recorded]) -> None:
        for event in (one.event for one in recorded):
            match event:
                case AccountSuspended(account_id=account_id):
                    self.suspended_ids.add(account_id)
                case AccountReinstated(account_id=account_id):
                    self.suspended_ids.discard(account_id)
                case AccountClosed(actor_id=account_id):
                    self.closed_ids.add(account_id)
                case PostHidden(post_id=post_id):
                    self.hidden_ids.add(post_id)
                case PostRestored(post_id=post_id):
                    self.hidden_ids.discard(post_id)
                case _:
                    pass


class FakeCounters:
    """Counts as a test sets them; zeros otherwise."""

    def __init__(self) -> None:
        self.posts: dict[PostId, PostCounts] = {}
        self.accounts: dict[AccountId, AccountCounts] = {}

    async def of_post(self, post_id: PostId) -> PostCounts:
        return self.posts.get(post_id, PostCounts())

    async def of_account(self, account_id: AccountId) -> AccountCounts:
        return self.accounts.get(account_id, AccountCounts())


class FakeIdentity:
    """Passwords in the clear and sessions by number. Tokens name their session."""

    def __init__(self) -> None:
        self.passwords: dict[AccountId, str] = {}
        self.sessions: dict[str, AccountId] = {}
        self._opened = 0

    async def enroll(self, account_id: AccountId, password: str) -> None:
        self.passwords[account_id] = password

    async def set_password(
        self, account_id: AccountId, *, current: str, new: str, session_id: str
    ) -> None:
        if self.passwords.get(account_id) != current:
            raise WrongCredentials
        self.passwords[account_id] = new
        self.sessions = {
            session: owner
            for session, owner in self.sessions.items()
            if owner != account_id or session == session_id
        }

    async def sign_in(self, account_id: AccountId | None, password: str) -> Tokens:
        if account_id is None or self.passwords.get(account_id) != password:
            raise WrongCredentials
        return self._open(account_id)

    async def refresh(self, refresh_token: str) -> Tokens:
        account_id = self.sessions.pop(refresh_token.removeprefix("refresh-"), None)
        if account_id is None:
            raise NotSignedIn
        return self._open(account_id)

    async def sign_out(self, session_id: str) -> None:
        self.sessions.pop(session_id, None)

    async def forget(self, account_id: AccountId) -> None:
        self.passwords.pop(account_id, None)
        self.sessions = {s: owner for s, owner in self.sessions.items() if owner != account_id}

    def _open(self, account_id: AccountId) -> Tokens:
        self._opened += 1
        session_id = f"session-{self._opened}"
        self.sessions[session_id] = account_id
        return Tokens(
            access_token=f"access-{session_id}",
            refresh_token=f"refresh-{session_id}",
            token_type="Bearer",
            expires_in=900,
            account_id=str(account_id),
        )


@dataclass
class Fakes:
    """A fake for each port, wired together; `ports` is what a handler takes."""

    stamps: FakeStamps = field(default_factory=FakeStamps)
    handles: FakeHandles = field(default_factory=FakeHandles)
    identity: FakeIdentity = field(default_factory=FakeIdentity)
    refusals: FakeRefusals = field(default_factory=FakeRefusals)
    idempotency: FakeIdempotency = field(default_factory=FakeIdempotency)
    counters: FakeCounters = field(default_factory=FakeCounters)
    turns: Turns = field(default_factory=Turns)

    def __post_init__(self) -> None:
        self.log = FakeEventLog(idempotency=self.idempotency, on_commit=[self.refusals.learn])

    @property
    def ports(self) -> Ports:
        return Ports(
            log=self.log,
            stamps=self.stamps,
            handles=self.handles,
            identity=self.identity,
            refusals=self.refusals,
            idempotency=self.idempotency,
            counters=self.counters,
            turns=self.turns,
        )
