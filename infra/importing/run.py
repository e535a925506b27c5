"""What the steps of one import of one namespace share."""

from dataclasses import dataclass
from pathlib import Path

from domain.ids import AccountId
from infra.importing.backdating import BackdatedIds
from infra.importing.file_ids import FileIds
from infra.importing.files import FollowLine, Malformed, PostLine
from infra.importing.outside import Outside
from infra.importing.rejects import Rejects
from infra.importing.tally import Summary, Tally


@dataclass(frozen=True, slots=True)
class Run:
    """The outside, what this namespace's ids are, and what is told of it all.

    `now_ms` is when the import began, in Unix milliseconds: nothing is dated later.
    """

    outside: Outside
    ids: FileIds
    backdated: BackdatedIds
    rejects: Rejects
    tally: Tally
    now_ms: int

    @property
    def summary(self) -> Summary:
        """What came of it so far."""
        return self.tally.summary

    def person(self, key: str) -> AccountId:
        """The account of a person who is there: `People.ensure` was told the key."""
        account_id = self.ids.person(key)
        if account_id is None:
            raise LookupError(key)
        return account_id

    def reject(self, source: Path, line: PostLine | FollowLine | Malformed, reason: str) -> None:
        """Leave a line out and say why."""
        self.rejects.add(source, line.number, reason, line.raw)
        self.summary.rejected += 1
        self.tally.read(1)
