"""What reading needs besides the projections' own ports."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Literal, NamedTuple, Protocol

from domain.ids import AccountId, EventId, PostId
from domain.positions import Vector
from projections.signals import Signal


class Refusals(Protocol):
    """What reads must refuse at once, from the streams, never from a lagging projection.

    Every answer covers all commands that were acknowledged before the question, and costs no
    round trip worth counting.
    """

    def suspended(self, account_id: AccountId) -> bool:
        """Whether the account is suspended now."""

    def closed(self, account_id: AccountId) -> bool:
        """Whether the account was closed."""

    def hidden(self, post_id: PostId) -> bool:
        """Whether a moderator hid the post."""

    def refused_of(self, account_ids: Collection[AccountId]) -> Set[AccountId]:
        """Those of the accounts that are suspended or were closed."""

    def hidden_of(self, post_ids: Iterable[PostId]) -> Set[PostId]:
        """Those of the posts that a moderator hid."""

    def blocked_with(self, reader_id: AccountId) -> frozenset[AccountId]:
        """The accounts between which and the reader a block stands, whoever blocked."""

    def muted_by(self, reader_id: AccountId) -> frozenset[AccountId]:
        """The accounts that the reader muted."""


class AccountBodies(Protocol):
    """Accounts as JSON but for their ends (`objects.account_body`), as far as they are at hand."""

    def known(self, ids: Collection[AccountId]) -> Mapping[AccountId, bytes] | None:
        """Those of the accounts that are there, as of any moment since the request began to read;
        None if a view has to be asked for that."""


class NoBodies:
    """Implements `AccountBodies` where none are kept."""

    def known(self, _ids: Collection[AccountId]) -> None:
        """See `AccountBodies.known`."""


# `stopped`: nobody goes on with it now; `cancelled`: what was built is being dropped.
ReplayState = Literal["building", "paused", "stopped", "cancelled"]


class ReplayStatus(NamedTuple):
    """How far a generation is that is being built: of `total` events so many are `done`; `left_s`
    is None before it is known, `per_s_max` where there is no limit. `running`: a process has it,
    which may be told to pause."""

    generation: int
    state: ReplayState
    running: bool
    done: int
    total: int
    per_s: float
    left_s: float | None
    per_s_max: float | None


class PartitionStatus(NamedTuple):
    """How far a projection is in one partition of the log, by the name that a vector has for it.
    `owner`: the process that takes what comes of it, by host and process id; None where nobody
    does or where that was not told."""

    name: str
    position: int
    head: int
    owner: str | None = None


class ProjectionStatus(NamedTuple):
    """How one projection is doing. `version` is that of its shape, `generation` the live one's
    number. `lag_s` is how long ago the oldest event it has not applied happened; 0 if there is
    none. `stalled_by` says why it does not go on; `replay` is of the next generation, if one is
    being built; `partitions` are those that it reads."""

    name: str
    version: int
    generation: int
    position: int
    head: int
    lag_events: int
    lag_s: float
    stalled_by: str | None
    dead_letters: int
    replay: ReplayStatus | None = None
    partitions: tuple[PartitionStatus, ...] = ()


class SideView(NamedTuple):
    """A projection's view as of a moment that is past: `as_of` names the moment, `at` is what the
    clock said then, `vector` how far the log was, of the partitions that it reads. It can be
    read once it is `whole`; until then `replay` is how far it is."""

    projection: str
    generation: int
    as_of: str
    at: str
    vector: Vector
    whole: bool
    replay: ReplayStatus | None = None


class SideViews(Protocol):
    """The views as of moments that are past."""

    async def built(self) -> Sequence[SideView]:
        """Those there are now, the oldest moment first. Raises StoreUnavailable."""


class Projections(Protocol):
    """How the projections are doing."""

    async def status(self) -> Sequence[ProjectionStatus]:
        """Every projection, also one whose store cannot be reached; without owners, who are asked
        for by themselves."""


# By projection and partition: the process that has it. What nobody has is not there.
Owned = Mapping[str, Mapping[str, str]]


class Owners(Protocol):
    """Who fills the projections' generations that answer."""

    async def owned(self) -> Owned:
        """Which process has which partition; nothing where that cannot be told."""


WorkState = Literal["running", "done", "different", "failed", "cancelled"]


class WorkStatus(NamedTuple):
    """The newest work on a projection that an administrator asked this process for. `told`: how
    far it is, what came of it, or why it failed. `different`: it was to be verified, and is not
    what the log says."""

    work: Literal["replay", "swap", "rollback", "prune", "verify", "repair", "reapply"]
    state: WorkState
    told: str


class Works(Protocol):
    """What this process was asked to do with projections."""

    def newest(self) -> Mapping[str, WorkStatus]:
        """By projection, since the process began."""


class LetterPlace(NamedTuple):
    """Where a dead letter is, in the order they are listed."""

    projection: str
    version: int
    generation: int
    partition: int
    position: int


class DeadLetter(NamedTuple):
    """An event that a generation of a projection could not take, and why. `key` orders it among
    others; None if it could not even be read. `requested` is what the partition's owner was asked
    to do and has not done yet."""

    projection: str
    version: int
    generation: int
    partition: int
    position: int
    key: int | None
    error: str
    requested: Literal["retry", "discard"] | None


class DeadLetters(Protocol):
    """Events that could not be applied."""

    async def parked(
        self, projection: str | None, limit: int, *, after: LetterPlace | None = None
    ) -> Sequence[DeadLetter]:
        """Those of one projection, or of all, behind `after`; by projection, the oldest first."""


class Delivered(NamedTuple):
    """What a listener is told: what happened, and the vector that covers it."""

    signal: Signal
    vector: Vector


class Subscription(Protocol):
    """What concerns one reader from the moment of listening on, in the order of the log."""

    async def next(self, limit: int) -> Sequence[Delivered]:
        """Wait for at least one; empty once there is no more: the server stops.

        Raises FellBehind if the reader took too long and something was dropped.
        """

    def close(self) -> None:
        """Listen no more. May be called twice."""


class FellBehind(Exception):
    """Something was dropped, or is not held any more: the reader must read everything again."""


class Live(Protocol):
    """Hands events to those who listen, from a consumer that has no generations."""

    async def listen(self, reader_id: AccountId, *, since: EventId | None) -> Subscription:
        """Subscribe. With `since`, everything from 60 s before that event on comes (again) first.

        Raises FellBehind (that much is not held), TooManyRequests (the account has too many
        streams), Unavailable (the server has).
        """

    def newest(self) -> EventId:
        """An event from which `since` can go on later: nothing after it was handed out yet."""
