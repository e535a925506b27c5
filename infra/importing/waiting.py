"""Replies whose parent comes later in the file wait here: on disk, so memory holds ids only."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Final, NamedTuple

from infra.importing.files import PostLine, post_of

IN_MEMORY_BYTES_MAX: Final = 8 << 20


class Ticket(NamedTuple):
    """Where a waiting line is kept."""

    source: Path
    number: int
    offset: int
    length: int


class WaitingRoom:
    """Lines by the id of the post they wait for."""

    def __init__(self) -> None:
        self._lines = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES_MAX)  # noqa: SIM115
        self._by_parent: dict[str, list[Ticket]] = {}
        self._end = 0
        self.close = self._lines.close

    def wait(self, source: Path, line: PostLine, parent: str) -> None:
        """Keep a line until `parent` comes."""
        self._lines.seek(self._end)
        self._lines.write(line.raw)
        ticket = Ticket(source, line.number, self._end, len(line.raw))
        self._by_parent.setdefault(parent, []).append(ticket)
        self._end += len(line.raw)

    def release(self, parents: Iterable[str]) -> Iterator[Ticket]:
        """The tickets of who waited for these; they wait no more."""
        for parent in parents:
            yield from self._by_parent.pop(parent, ())

    def rest(self) -> Iterator[tuple[str, Ticket]]:
        """Who still waits, and for whom."""
        for parent, tickets in self._by_parent.items():
            for ticket in tickets:
                yield parent, ticket

    def line(self, ticket: Ticket) -> PostLine:
        """The line of a ticket."""
        line = post_of(ticket.number, self.raw(ticket))
        if not isinstance(line, PostLine):
            raise TypeError(f"{line.reason}, although it could be read before")
        return line

    def raw(self, ticket: Ticket) -> bytes:
        """The line of a ticket as the file has it."""
        self._lines.seek(ticket.offset)
        return self._lines.read(ticket.length)
