"""Concurrent clients on raw sockets that write until the server is gone, and remember what it said.

Each request has an Idempotency-Key and words of its own, so that it can be told apart for ever.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from web import consistency

EDIT_EVERY: Final = 8
RETRY_S: Final = 0.1
# Longer than the lease of a key whose process died, and than a start of an engine.
INSIST_S: Final = 600.0


@dataclass(eq=False)
class Author:
    """Somebody who posts; `pinned` is a tweet that all their clients edit. Access tokens end: who
    writes for long sets a new one."""

    id: str
    token: str
    pinned: str


class Written(NamedTuple):
    """One request, to be sent again as it is: of a new tweet, or of an edit of the pinned one."""

    author: Author
    key: str
    edits: bool = False

    @property
    def words(self) -> str:
        return f"{self.key} of {self.author.id}"


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes

    @property
    def replayed(self) -> bool:
        return self.header("idempotency-replayed") == "true"

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """A field's value, by its lower-case name; empty without it."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            field_name, _, value = line.partition(": ")
            if field_name.lower() == name:
                return value
        return ""


@dataclass
class Notebook:
    """What was written: acknowledged ones with their answers, and those whose answer never came."""

    acknowledged: dict[Written, Answer] = field(default_factory=dict)
    unanswered: set[Written] = field(default_factory=set)

    @property
    def ids(self) -> set[str]:
        """The tweets that were acknowledged."""
        return {a.json["id"] for written, a in self.acknowledged.items() if not written.edits}

    @property
    def token(self) -> str:
        """The Consistency-Token of everything that was acknowledged."""
        tokens = [answer.header("consistency-token") for answer in self.acknowledged.values()]
        return consistency.encode(consistency.decode(tokens))

    @property
    def edited(self) -> bool:
        """Whether an edit was acknowledged."""
        return any(written.edits for written in self.acknowledged)


class Connection:
    """A keep-alive connection. Raises OSError or EOFError once the server is gone."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        raw = b"" if body is None else json.dumps(body).encode()
        fields = {"Host": "test", **headers, "Content-Length": str(len(raw))}
        if raw:
            fields["Content-Type"] = "application/json"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + raw)
        head = await reader.readuntil(b"\r\n\r\n")
        answer = Answer(int(head[9:12]), head, b"")
        length = int(answer.header("content-length") or 0)
        return answer._replace(body=await reader.readexactly(length))

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def send(connection: Connection, written: Written) -> Answer:
    """Write it, for the first time or again."""
    headers = {
        "Authorization": f"Bearer {written.author.token}",
        "Idempotency-Key": written.key,
        "If-Match": "*",
    }
    body = {"text": written.words}
    if written.edits:
        return await connection.ask("PATCH", f"/v1/tweets/{written.author.pinned}", headers, body)
    return await connection.ask("POST", "/v1/tweets", headers, body)


async def write_until_gone(
    url: str, author: Author, name: str, notebook: Notebook, noted: Callable[[], None]
) -> None:
    """One client: writes as fast as it is answered."""
    connection = Connection(url)
    number = 0
    try:
        while True:
            number += 1
            written = Written(author, f"{name}-{number}", edits=number % EDIT_EVERY == 0)
            notebook.unanswered.add(written)
            answer = await send(connection, written)
            if answer.status in {200, 201}:
                notebook.acknowledged[written] = answer
            else:
                assert answer.status in {409, 503}, answer
            # Of what could not be told in time nobody knows whether it is done.
            if answer.status != 503:
                notebook.unanswered.discard(written)
            noted()
    except (OSError, EOFError):
        return
    finally:
        await connection.close()


async def write_until_told(
    urls: Sequence[str],
    author: Author,
    name: str,
    notebook: Notebook,
    over: asyncio.Event,
) -> None:
    """One client that sends each request until it is acknowledged, wherever that is, before it
    goes on to the next; the only one of its author."""
    connections = [Connection(url) for url in urls]
    number = 0
    try:
        while not over.is_set():
            number += 1
            written = Written(author, f"{name}-{number}", edits=number % EDIT_EVERY == 0)
            notebook.acknowledged[written] = await _insist(connections, written)
    finally:
        for connection in connections:
            await connection.close()


async def _insist(connections: Sequence[Connection], written: Written) -> Answer:
    """The acknowledgement. What is no refusal for now is a failure."""
    until = monotonic() + INSIST_S
    refused: Answer | None = None
    for connection in cycle(connections):
        try:
            answer = await send(connection, written)
        except (OSError, EOFError):
            await connection.close()
        else:
            if answer.status in {200, 201}:
                return answer
            for_now = answer.status == 503 or b"idempotency-key-in-progress" in answer.body
            assert for_now, answer
            assert answer.status != 503 or answer.header("retry-after"), answer
            refused = answer
        assert monotonic() < until, refused
        await asyncio.sleep(RETRY_S)
    raise AssertionError("There is nobody to ask")
