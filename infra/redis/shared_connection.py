"""One connection to Redis that all callers of a process share.

The client's own connections carry one command at a time, and its way there costs a process many
times what Redis spends on it. Here the commands of one turn of the event loop go out together and
answers are handed out in their order, as Redis gives them. It makes no difference to Redis, which
serves one command after the other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, cast

import hiredis
from redis.exceptions import ConnectionError, InvalidResponse, TimeoutError

from infra.attentive import Watch, attentive_timeout

Argument = bytes | str | int | float
Asked = asyncio.Future[Any]
# Keys that have changed, of those that were read; None: whichever, for nobody tells any more.
Changed = Callable[[Collection[bytes] | None], None]

_NOTHING: Final = object()


class SharedConnection:
    """Connects when it is first asked, in the event loop that asks, and again after it was lost.

    `greeting` are the commands that a new connection begins with: it must ask for tracking (OPTIN)
    if commands are to be tracked. `error_of` makes an exception of what Redis says when it refuses.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        greeting: Sequence[Sequence[Argument]],
        error_of: Callable[[str], Exception],
        limit_s: float,
    ) -> None:
        self._address = host, port
        self._greeting = greeting
        self._error_of = error_of
        self._limit_s = limit_s
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[_Wire] | None = None
        self._listeners: list[Changed] = []
        # How many commands were ever asked.
        self.asked = 0

    @property
    def answered(self) -> int:
        """How many of those that were asked have been answered or were lost, in their order."""
        return self.asked if self._wire is None else self.asked - self._wire.unanswered

    async def ask(self, command: Sequence[Argument], *, tracked: bool = False) -> Any:
        """What Redis answers; it tells of changes of the keys that a `tracked` command reads.
        Raises ConnectionError and TimeoutError of the client, after which it is not known whether
        the command was run, and what Redis refuses with."""
        packed = _packed(command)
        wire = self._wire
        if wire is None or wire.is_lost:
            wire = await self._connected()
        self.asked += 1
        return await wire.ask(packed, tracked=tracked)

    def listen(self, changed: Changed) -> None:
        """Call this when keys change that tracked commands have read."""
        self._listeners.append(changed)

    async def close(self) -> None:
        """Let the connection go; who waits for an answer gets none."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._wire is not None:
            self._wire.end(ConnectionError("The connection to Redis is closed"))
            self._wire = None

    async def _connected(self) -> "_Wire":
        """Of several that ask at once the first one connects."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._end_connecting)
        return await asyncio.shield(self._connecting)

    def _end_connecting(self, ended: "asyncio.Task[_Wire]") -> None:
        self._connecting = None
        if not ended.cancelled():
            ended.exception()  # told to those who wait, if there still are any

    async def _connect(self) -> "_Wire":
        loop = asyncio.get_running_loop()
        try:
            async with attentive_timeout(self._limit_s):
                _, wire = await loop.create_connection(
                    lambda: _Wire(loop, self._error_of, self._limit_s, self._changed),
                    *self._address,
                )
        except OSError as error:  # also when it takes too long
            raise ConnectionError(f"{self._address}: {error!r}") from error
        try:
            await asyncio.gather(*(wire.ask(_packed(one)) for one in self._greeting))
        except BaseException as error:
            wire.end(ConnectionError(f"{self._address}: {error!r}"))
            raise
        self._wire = wire
        return wire

    def _changed(self, keys: Collection[bytes] | None) -> None:
        for changed in self._listeners:
            changed(keys)


def _packed(command: Sequence[Argument]) -> bytes:
    packed: bytes = hiredis.pack_command(cast("Any", tuple(command)))
    return packed


# Redis remembers who read the keys of the command that follows.
_TRACKED: Final = _packed(("CLIENT", "CACHING", "YES"))


class _Wire(asyncio.Protocol):
    """A connection as long as it lasts. It ends when Redis owes an answer and is silent for so
    long that it must be away; what the event loop itself takes is no silence."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        error_of: Callable[[str], Exception],
        limit_s: float,
        changed: Changed,
    ) -> None:
        self.is_lost = False
        self._changed = changed
        self._loop = loop
        self._limit_s = limit_s
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=error_of, notEnoughData=_NOTHING
        )
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._waiting: deque[Asked | None] = deque()
        self._silence = Watch(loop, limit_s, self._be_late)

    @property
    def unanswered(self) -> int:
        """At least as many as the commands that are."""
        return len(self._waiting)

    def ask(self, packed: bytes, *, tracked: bool = False) -> Asked:
        """Send a command with others that are asked now; its answer."""
        asked: Asked = self._loop.create_future()
        if self.is_lost:
            asked.set_exception(ConnectionError("The connection to Redis was lost"))
            return asked
        if not self._unsent:
            self._loop.call_soon(self._send)
        if tracked:
            self._unsent.append(_TRACKED)
            self._waiting.append(None)
        self._unsent.append(packed)
        self._waiting.append(asked)
        if not self._silence.is_on:
            self._silence.start()
        return asked

    def end(self, why: Exception) -> None:
        """Nobody gets an answer any more."""
        self.is_lost = True
        self._silence.stop()
        if self._transport is not None:
            self._transport.abort()
        self._changed(None)
        while self._waiting:
            asked = self._waiting.popleft()
            if asked is not None and not asked.done():
                asked.set_exception(why)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.end(ConnectionError(f"The connection to Redis was lost: {error!r}"))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not _NOTHING:
            if answer.__class__ is hiredis.PushNotification:
                if answer[0] == b"invalidate":
                    self._changed(answer[1])
            else:
                self._hand_out(answer)
        if self._waiting:
            self._silence.heard()
        else:
            self._silence.stop()

    def _hand_out(self, answer: Any) -> None:
        asked = self._waiting.popleft()
        if asked is None:
            if isinstance(answer, Exception):  # nothing would be told of what is read next
                self.end(answer)
        elif asked.done():  # who asked has gone
            pass
        elif isinstance(answer, Exception):
            asked.set_exception(answer)
        else:
            asked.set_result(answer)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and not self.is_lost:
            self._transport.write(b"".join(unsent))

    def _be_late(self) -> None:
        self.end(TimeoutError(f"Redis did not answer for {self._limit_s:g} s"))
