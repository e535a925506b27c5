"""Follows from files. They happen now: the files do not say when they happened."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from commands.follow_account import FollowAccount, follow_account
from commands.ports import Ports
from domain import relationships
from domain.ids import AccountId
from infra.importing.files import FollowLine, Malformed, read_follows
from infra.importing.foreseen import ForeseenLog, KnownAccounts
from infra.importing.people import People, key_of
from infra.importing.recording import apart, each, give
from infra.importing.run import Run

BATCH_MAX: Final = 400


class _Edge(NamedTuple):
    line: FollowLine
    actor_id: AccountId
    target_id: AccountId

    @property
    def stream(self) -> str:
        return relationships.stream_of(self.actor_id, self.target_id)


class Follows:
    """Imports the follows of one namespace.

    Where the follower ever did anything to the followee nothing is imported: a follow that was
    undone, by either, is not done again.
    """

    def __init__(self, run: Run, people: People) -> None:
        self._run = run
        self._people = people
        ports = run.outside.ports
        self._known = KnownAccounts(ports.log, ports.refusals)

    async def take(self, files: Sequence[Path]) -> None:
        """Import all follows of the files. Raises UnreadableFile, Unavailable."""
        for source in files:
            self._run.tally.begin(source.name)
            for batch in self._batches(source):
                await self._import(source, batch)

    def _batches(self, source: Path) -> Iterator[Sequence[FollowLine]]:
        """Both directions of a pair are never in one batch: the second needs the first."""
        batch: dict[tuple[str, ...], FollowLine] = {}
        for line in read_follows(source):
            if isinstance(line, Malformed):
                self._run.reject(source, line, line.reason)
                continue
            if line.follower == line.followee:
                self._run.summary.skipped += 1
                self._run.tally.read(1)
                continue
            pair = tuple(sorted((line.follower, line.followee)))
            if pair in batch or len(batch) == BATCH_MAX:
                yield tuple(batch.values())
                batch = {}
            batch[pair] = line
        if batch:
            yield tuple(batch.values())

    async def _import(self, source: Path, lines: Sequence[FollowLine]) -> None:
        await self._people.ensure(
            key_of(person) for line in lines for person in (line.follower, line.followee)
        )
        edges = [self._edge(line) for line in lines]
        existing = await apart(self._run.outside.index.existing, [edge.stream for edge in edges])
        new = [edge for edge in edges if edge.stream not in existing or not await self._acted(edge)]
        foreseen = self._foreseen(new, existing)
        refusals = await each(partial(self._follow, foreseen), new)
        for edge, refusal in zip(new, refusals, strict=True):
            if refusal is not None:
                self._run.reject(source, edge.line, str(refusal))
        self._run.summary.known += len(lines) - len(new)
        self._run.tally.read(len(lines) - sum(refusal is not None for refusal in refusals))

    def _edge(self, line: FollowLine) -> _Edge:
        follower, followee = (key_of(one) for one in (line.follower, line.followee))
        return _Edge(line, self._run.person(follower), self._run.person(followee))

    async def _acted(self, edge: _Edge) -> bool:
        history = await self._run.outside.ports.log.history(edge.stream)
        return any(recorded.event.actor_id == edge.actor_id for recorded in history)

    def _foreseen(self, edges: Sequence[_Edge], existing: Collection[str]) -> Ports:
        ports = self._run.outside.ports
        log = ForeseenLog(
            ports.log,
            new=(edge.stream for edge in edges if edge.stream not in existing),
            known=self._known,
            asked=(edge.target_id for edge in edges),
        )
        return replace(ports, log=log)

    async def _follow(self, ports: Ports, edge: _Edge) -> None:
        command = FollowAccount(actor_id=edge.actor_id, target_id=edge.target_id)
        events = await give(follow_account, command, ports)
        self._run.summary.events += events
        self._run.summary.follows += 1
