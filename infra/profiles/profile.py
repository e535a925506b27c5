"""What the server, the control socket and the command line need of a profile."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from commands.ports import DeadLetterRequests, Ports, Steer
from domain.ids import AccountId
from infra.importing.outside import ImportIndex
from infra.live_hub import LiveHub
from infra.metrics import Metrics
from infra.remains import PersonKeys, Remains
from infra.steering import Steered
from read_api import ports as read_ports
from read_api.as_of import PastViews
from read_api.ports import DeadLetter
from read_api.views import Views
from streams.dead_letters import Build, Parked
from streams.feed import Feed
from streams.reapply import Taken
from web.app import Authenticator, Progress
from web.operations import Part


class DeadLetters(read_ports.DeadLetters, DeadLetterRequests, Protocol):
    """Read and asked about. All raise StoreUnavailable."""

    async def at(self, projection: str, partition: int, position: int) -> Sequence[DeadLetter]:
        """The letter of each generation that has parked this event."""

    async def queue_of(self, letter: Parked) -> Sequence[Parked]:
        """See `streams.dead_letters.DeadLetters.queue_of`."""

    async def counts(self) -> Mapping[Build, int]:
        """How many each build has that has any."""

    async def unanswered(self, projection: str) -> int:
        """How many it was asked about that it has not answered yet."""

    async def forget(self, build: Build) -> None:
        """Drop its letters: the build itself is dropped."""


class Accounts(Authenticator, Protocol):
    """Who signs in, and what an operator may change about it."""

    async def reset_password(self, account_id: AccountId, new: str) -> None:
        """Set it without the old one; every session ends."""

    async def erase(self, account_id: AccountId) -> int:
        """Keep nothing of an account that is closed; how much there was."""

    async def kept_of(self, account_id: AccountId) -> int:
        """How much is kept of an account."""


class Generation(Protocol):
    """One build of a projection's store from the log."""

    @property
    def number(self) -> int: ...


class Generations(Protocol):
    """The builds of every projection's store: one of each answers. All raise NotFound."""

    def number(self, name: str) -> int:
        """That of the live generation."""

    async def adopt(self, name: str) -> Generation:
        """Let the one answer that was built, once it has what the live one has."""

    async def rollback(self, name: str) -> Generation:
        """Let the one answer again that was live before."""

    async def prune(self, name: str) -> Sequence[Generation]:
        """Drop all that are not live; those that were dropped."""

    async def steer(
        self, name: str, how: Steer, per_s_max: float | None = None, number: int | None = None
    ) -> Steered:
        """Tell the replay that is under way, of several that of the generation which has the
        number; `cancel` drops what was built. Raises Conflict, Unavailable."""

    async def apply_again(self, name: str, number: int, positions: Sequence[int]) -> Taken:
        """Apply events again to the live generation, which must have this number. Raises
        Conflict."""


class Profile(Protocol):
    """One process of Starling, opened: its ports, and the parts that run beside requests."""

    @property
    def ports(self) -> Ports: ...
    @property
    def views(self) -> Views: ...
    @property
    def past(self) -> PastViews: ...
    @property
    def live(self) -> LiveHub: ...
    @property
    def identity(self) -> Accounts: ...
    @property
    def progress(self) -> Progress: ...
    @property
    def projections(self) -> read_ports.Projections: ...
    @property
    def owners(self) -> read_ports.Owners: ...
    @property
    def projection_names(self) -> frozenset[str]: ...
    @property
    def generations(self) -> Generations: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def keys(self) -> PersonKeys: ...
    @property
    def remains(self) -> Remains: ...
    @property
    def import_index(self) -> ImportIndex: ...

    @property
    def data_path(self) -> Path:
        """The process's own folder."""

    def begin_reads(self) -> None:
        """What the calling task reads of views from here on may be as of any moment after this
        one."""

    @property
    def outages(self) -> tuple[type[Exception], ...]:
        """How engines say, on the way of a request, that they cannot be reached."""

    @property
    def parts(self) -> Callable[[], Awaitable[Sequence[Part]]]:
        """What `/readyz` asks."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Run what runs beside requests; at the end everything that was opened is closed."""
