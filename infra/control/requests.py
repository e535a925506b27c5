"""The words between the command line and a running server: a JSON line asks, lines answer."""

from typing import Any, Final

import msgspec

from commands.ports import Steer
from infra.importing.imports import Files
from infra.importing.tally import Progress, Summary
from read_api.ports import DeadLetter, LetterPlace, ProjectionStatus, ReplayStatus, SideView


class ImportFiles(msgspec.Struct, frozen=True, tag="import"):
    """Import files, which the server opens by their absolute paths."""

    files: Files


class GrantRoleTo(msgspec.Struct, frozen=True, tag="grant"):
    """Give the account that has the handle a role."""

    handle: str
    role: str


class SetPasswordOf(msgspec.Struct, frozen=True, tag="set-password"):
    """Set the password of the account that has the handle; its sessions end."""

    handle: str
    password: str


class FindAccount(msgspec.Struct, frozen=True, tag="find-account"):
    """Say whose a handle is, or was last; an account id is its own."""

    account: str


class ErasePerson(msgspec.Struct, frozen=True, tag="erase"):
    """Erase the person who has the handle or the account id."""

    account: str


class ShowProjections(msgspec.Struct, frozen=True, tag="projections"):
    """Say how the projections are doing."""


class SwapProjection(msgspec.Struct, frozen=True, tag="swap"):
    """Let the generation answer that was built."""

    name: str


class RollBackProjection(msgspec.Struct, frozen=True, tag="rollback"):
    """Let the generation answer again that was live before."""

    name: str


class PruneProjection(msgspec.Struct, frozen=True, tag="prune"):
    """Drop every generation that does not answer."""

    name: str


class SteerReplay(msgspec.Struct, frozen=True, tag="steer-replay"):
    """Have the replay that is under way pause, go on, end, or do so many events a second at most
    (None: no limit); of several that of the generation which has the `number`."""

    name: str
    how: Steer
    per_s_max: float | None = None
    number: int | None = None


class ListDeadLetters(msgspec.Struct, frozen=True, tag="list-dead-letters"):
    """Tell a page of the dead letters, of one projection or of all."""

    projection: str | None
    limit: int
    after: LetterPlace | None = None


class ShowDeadLetter(msgspec.Struct, frozen=True, tag="show-dead-letter"):
    """Tell everything about one."""

    projection: str
    partition: int
    position: int


class RetryDeadLetter(msgspec.Struct, frozen=True, tag="retry-dead-letter"):
    """Have one retried, and wait so long for the answer."""

    projection: str
    partition: int
    position: int
    wait_s: float


class RetryEveryDeadLetter(msgspec.Struct, frozen=True, tag="retry-every-dead-letter"):
    """Have all of a projection retried, and wait so long for the answers."""

    projection: str
    wait_s: float


class DiscardDeadLetter(msgspec.Struct, frozen=True, tag="discard-dead-letter"):
    """Have one dropped for good, and wait so long for the answer."""

    projection: str
    partition: int
    position: int
    reason: str
    wait_s: float


class ApplyAgain(msgspec.Struct, frozen=True, tag="apply-again"):
    """Apply events of the log again to a generation of a projection, which is live."""

    name: str
    generation: int
    positions: tuple[int, ...]


AboutDeadLetters = (
    ListDeadLetters | ShowDeadLetter | RetryDeadLetter | RetryEveryDeadLetter | DiscardDeadLetter
)
Request = (
    ImportFiles
    | GrantRoleTo
    | SetPasswordOf
    | FindAccount
    | ErasePerson
    | ShowProjections
    | SwapProjection
    | RollBackProjection
    | PruneProjection
    | SteerReplay
    | ApplyAgain
    | AboutDeadLetters
)


class Imported(msgspec.Struct, frozen=True, tag="imported"):
    summary: Summary


class AccountFound(msgspec.Struct, frozen=True, tag="account"):
    account_id: str


class Erased(msgspec.Struct, frozen=True, tag="erased"):
    """A person is erased. Of their `events` in the log, those that were sealed are `unreadable`
    now; `left` is what each store still answers about them. `removed` is what went beside the
    projections. The digest is of their events as they can be read now: it never changes."""

    account_id: str
    erased_at: str
    events: int
    unreadable: int
    readable: int
    left: dict[str, int]
    removed: dict[str, int]
    digest: str

    @property
    def complete(self) -> bool:
        """Whether nothing is left."""
        return self.readable == 0 and not any(self.left.values())


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It was done, or there was nothing to do."""


class Projections(msgspec.Struct, frozen=True, tag="projections"):
    """`side_views`: what there is beside them, as of moments that are past."""

    projections: tuple[ProjectionStatus, ...]
    side_views: tuple[SideView, ...] = ()


class Answering(msgspec.Struct, frozen=True, tag="answering"):
    """Which generation of a projection answers now, which were dropped, and which older versions of
    the projection with all of theirs."""

    projection: str
    generation: int
    dropped: tuple[int, ...] = ()
    older_versions: tuple[int, ...] = ()


class ReplaySteered(msgspec.Struct, frozen=True, tag="replay-steered"):
    """A replay as it is from now on; `as_of` names the moment that it is built as of, if any."""

    projection: str
    replay: ReplayStatus
    as_of: str | None = None


class NotApplied(msgspec.Struct, frozen=True):
    """The event at a position cannot be applied."""

    position: int
    error: str


class AppliedAgain(msgspec.Struct, frozen=True, tag="applied-again"):
    """So many events were; what the projection has not passed yet comes by itself."""

    applied: int
    failed: tuple[NotApplied, ...]


class DeadLettersListed(msgspec.Struct, frozen=True, tag="dead-letters"):
    letters: tuple[DeadLetter, ...]


class EventShown(msgspec.Struct, frozen=True):
    """An event in clear; where it cannot be read `at` is empty and `event` says why."""

    at: str
    type: str
    event: Any


class DeadLetterShown(msgspec.Struct, frozen=True, tag="dead-letter"):
    """The letter of each generation that has parked the event; `event` is None where the log does
    not have it any more. `ahead` and `behind`: positions of what waits with it by key."""

    letters: tuple[DeadLetter, ...]
    event: EventShown | None
    ahead: tuple[int, ...]
    behind: tuple[int, ...]


class DeadLettersSettled(msgspec.Struct, frozen=True, tag="dead-letters-settled"):
    """Of so many that were `asked` about so many are `unanswered` yet; so many are still there,
    the answered ones because they still cannot be applied, and `left` are the first of them."""

    asked: int
    unanswered: int
    still_there: int
    left: tuple[DeadLetter, ...]


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It was not done, or not to the end; the reason is for a person."""

    reason: str


ToldOfDeadLetters = DeadLettersListed | DeadLetterShown | DeadLettersSettled
Result = (
    Imported
    | AccountFound
    | Erased
    | Done
    | Projections
    | Answering
    | ReplaySteered
    | AppliedAgain
    | ToldOfDeadLetters
)
Message = Progress | Result | Failed

encode: Final = msgspec.json.Encoder().encode
decode_request: Final = msgspec.json.Decoder[Request](Request).decode
decode_message: Final = msgspec.json.Decoder[Message](Message).decode
