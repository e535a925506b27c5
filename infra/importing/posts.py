"""Posts from files: parents before their replies, each with its own time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from commands.post_tweet import PostTweet, post_tweet
from commands.reply_to_post import ReplyToPost, reply_to_post
from domain import posts
from domain.events import PostPosted, Recorded
from domain.ids import PostId
from infra.importing.files import Malformed, PostLine, read_posts
from infra.importing.people import People
from infra.importing.recording import apart, each, give, patiently
from infra.importing.run import Run
from infra.importing.survey import author_key
from infra.importing.waiting import Ticket, WaitingRoom

BATCH_MAX: Final = 400
# Lines read for one batch: known and waiting ones give it nothing.
LINES_PER_BATCH_MAX: Final = 4_000


class _Ready(NamedTuple):
    source: Path
    line: PostLine
    post_id: PostId


class Posts:
    """Imports the posts of one namespace."""

    def __init__(self, run: Run, people: People) -> None:
        self._run = run
        self._people = people
        self._room = WaitingRoom()
        self._released: deque[Ticket] = deque()
        self._taken: set[str] = set()

    async def take(self, files: Sequence[Path]) -> None:
        """Import all posts of the files. Raises UnreadableFile, Unavailable."""
        try:
            async for batch in self._batches(files):
                await self._import(batch)
            self._reject_the_waiting()
        finally:
            self._room.close()

    async def _batches(
        self, files: Sequence[Path]
    ) -> AsyncIterator[Sequence[tuple[Path, PostLine]]]:
        """Posts whose parents are there: those that waited first, then what is read."""
        lines = self._lines(files)
        more = True
        while more or self._released:
            batch = [self._waited() for _ in range(min(BATCH_MAX, len(self._released)))]
            read = 0
            for source, line in islice(lines, LINES_PER_BATCH_MAX):
                read += 1
                if self._sort(source, line):
                    batch.append((source, line))
                if len(batch) >= BATCH_MAX:
                    break
            more = read > 0
            if batch:
                yield batch
            else:
                await asyncio.sleep(0)

    def _lines(self, files: Sequence[Path]) -> Iterator[tuple[Path, PostLine]]:
        for source in files:
            self._run.tally.begin(source.name)
            for line in read_posts(source):
                if isinstance(line, Malformed):
                    self._run.reject(source, line, line.reason)
                else:
                    yield source, line

    def _sort(self, source: Path, line: PostLine) -> bool:
        """Whether the post can be imported now; the others are put where they belong."""
        if line.id in self._run.ids.posts or line.id in self._taken:
            self._run.summary.known += 1
            self._run.tally.read(1)
            return False
        if line.at_ms is not None and line.at_ms > self._run.now_ms:
            self._run.reject(source, line, "created_at is in the future")
            return False
        self._taken.add(line.id)
        if line.in_reply_to is None or line.in_reply_to in self._run.ids.posts:
            return True
        self._room.wait(source, line, line.in_reply_to)
        return False

    def _waited(self) -> tuple[Path, PostLine]:
        ticket = self._released.popleft()
        return ticket.source, self._room.line(ticket)

    async def _import(self, batch: Sequence[tuple[Path, PostLine]]) -> None:
        await self._people.ensure(author_key(line, source) for source, line in batch)
        ready = await self._dated(batch)
        refusals = await each(self._post, ready)
        for one, refusal in zip(ready, refusals, strict=True):
            self._taken.discard(one.line.id)
            if refusal is not None:
                self._run.reject(one.source, one.line, str(refusal))
        await self._run.ids.note()
        self._run.tally.read(sum(refusal is None for refusal in refusals))
        arrived = (one.line.id for one in ready if one.line.id in self._run.ids.posts)
        self._released.extend(self._room.release(arrived))

    async def _dated(self, batch: Sequence[tuple[Path, PostLine]]) -> list[_Ready]:
        """With their ids, which those have already that an import planned and was killed then."""
        ids, stamps = self._run.ids, self._run.outside.ports.stamps
        begun = {line.id: found for _, line in batch if (found := await self._begun(line))}
        fresh = [line for _, line in batch if line.id not in begun]
        moments = [line.at_ms for line in fresh if line.at_ms is not None]
        backdated = iter(await apart(self._run.backdated.take, moments))
        planned = {
            line.id: PostId(stamps.event_id() if line.at_ms is None else next(backdated))
            for line in fresh
        }
        await ids.plan_posts(planned)
        meant = begun | planned
        return [_Ready(source, line, meant[line.id]) for source, line in batch]

    async def _begun(self, line: PostLine) -> PostId | None:
        """The id that was planned, unless a post of somebody else has it since. To post it once
        more changes nothing."""
        post_id = self._run.ids.left_post(line.id)
        if post_id is None:
            return None
        log = self._run.outside.ports.log
        history = await patiently(partial(log.history, posts.stream_of(post_id)))
        if not history or _source(history[0]) == self._run.ids.source_of_post(line.id):
            return post_id
        return None

    async def _post(self, ready: _Ready) -> None:
        line, post_id, ids = ready.line, ready.post_id, self._run.ids
        author_id = self._run.person(author_key(line, ready.source))
        origin = ids.source_of_post(line.id)
        receipt = ids.receipt_of_post(line.id, post_id)
        ports = self._run.outside.ports
        if line.in_reply_to is None:
            tweet = PostTweet(author_id=author_id, text=line.text, post_id=post_id, source=origin)
            events = await give(post_tweet, tweet, ports, receipt)
        else:
            reply = ReplyToPost(
                author_id=author_id,
                in_reply_to_id=ids.posts[line.in_reply_to],
                text=line.text,
                post_id=post_id,
                source=origin,
            )
            events = await give(reply_to_post, reply, ports, receipt)
        ids.keep_post(line.id, post_id)
        self._run.summary.posts += 1
        self._run.summary.events += events

    def _reject_the_waiting(self) -> None:
        for parent, ticket in self._room.rest():
            reason = f"The post it replies to, {parent}, was not imported"
            self._run.reject(ticket.source, self._room.line(ticket), reason)


def _source(recorded: Recorded) -> str | None:
    return recorded.event.source if isinstance(recorded.event, PostPosted) else None
