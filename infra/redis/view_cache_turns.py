"""What a process asks of view caches and puts into them, one command for each turn of its loop.

A page asks for cards, profiles and counts at the same moment, and others ask at that moment too.
A command costs the process more than a hundred keys of a command.
"""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from infra.breaker import Breaker, Limits
from infra.redis.near_values import Changes, Near
from infra.redis.scripts import Argument
from infra.redis.view_cache_scripts import CacheScripts, new_token
from projections.projection import StoreUnavailable

LEASE_MS: Final = 5_000
TTL_MS: Final = 600_000
# A read that would wait for longer asks its store; then caches are left alone for a moment.
WITHIN_S: Final = 0.5
LIMITS: Final = Limits(outages=2, pause_s=1.0)
# Keys of one command: Redis serves nobody else meanwhile, and Lua's stack holds some thousands.
KEYS_MAX: Final = 2_000

log = logging.getLogger("starling")
T = TypeVar("T")


class Seen(NamedTuple):
    """What was found: by key the value, True with a lease (`token`), False without; the stamp
    that a value of each namespace carries now; what has changed of it since."""

    entries: Mapping[str, bytes | bool]
    stamps: Mapping[str, bytes]
    token: str
    changes: Changes


NOTHING: Final = Seen({}, {}, "", Changes())


class Value(NamedTuple):
    """What goes where a lease stands."""

    namespace: str
    key: str
    stamp: bytes
    token: str
    value: bytes


class _Asked(NamedTuple):
    namespace: str
    keys: Collection[str]
    lease_ms: int
    seen: "asyncio.Future[Seen]"


class Turns:
    """Used on one event loop. `close` it before the client."""

    def __init__(self, scripts: CacheScripts, near: Near | None = None) -> None:
        self.breaker = Breaker("Redis (the views' cache)", limits=LIMITS)
        self._bars_breakers: dict[str, Breaker] = {}
        self._scripts = scripts
        self._near = near
        self._asked: list[_Asked] = []
        self._values: list[Value] = []
        self._working: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def breakers(self) -> Sequence[Breaker]:
        """All ways to Redis of this process's caches."""
        return (self.breaker, *self._bars_breakers.values())

    def bars_breaker(self, namespace: str) -> Breaker:
        """That of a namespace's writers. They may wait for longer than readers do, and who does
        not set a bar owes a new epoch: none of them fails because another does."""
        name = f"Redis (bars of {namespace})"
        return self._bars_breakers.setdefault(namespace, Breaker(name, limits=LIMITS))

    async def look(self, namespace: str, keys: Collection[str], *, lease_ms: int) -> Seen:
        """What is cached of these, which may be none, to hear from Redis; NOTHING where it does
        not answer."""
        if self._closed:
            return NOTHING
        loop = asyncio.get_running_loop()
        seen: asyncio.Future[Seen] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._ask)
        self._asked.append(_Asked(namespace, keys, lease_ms, seen))
        return await seen

    def fill(self, values: Iterable[Value]) -> None:
        """Put them in; nobody waits for that."""
        if not self._values:
            asyncio.get_running_loop().call_soon(self._put)
        self._values += values

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Let it be done in the background, until all is closed at the latest."""
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._working.add(task)
        task.add_done_callback(self._done)

    async def settle(self) -> None:
        """Return when what was put in is there."""
        await asyncio.sleep(0)
        await asyncio.gather(*self._working)

    async def close(self) -> None:
        """End what is done in the background."""
        self._closed = True
        _tell(self._asked, NOTHING)
        self._asked, self._values = [], []
        working = list(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s", task.get_name(), exc_info=error)

    def _ask(self) -> None:
        asked, self._asked = self._asked, []
        for lease_ms in {one.lease_ms for one in asked}:
            alike = [one for one in asked if one.lease_ms == lease_ms]
            for some in _parts(alike, [len(one.keys) for one in alike]):
                self.spawn(self._look(some, lease_ms), "what views' caches hold")

    async def _look(self, asked: Sequence[_Asked], lease_ms: int) -> None:
        try:
            _tell(asked, await self._seen(asked, lease_ms))
        except StoreUnavailable:
            return
        finally:
            # Who asks goes to the store, whatever became of it; a bug is told by the task.
            _tell(asked, NOTHING)

    async def _seen(self, asked: Sequence[_Asked], lease_ms: int) -> Seen:
        wanted: dict[str, dict[str, None]] = {}
        for namespace, keys, _, _ in asked:
            if keys:
                wanted.setdefault(namespace, {}).update(dict.fromkeys(keys))
        changes = Changes() if self._near is None else self._near.changes()
        token = new_token()
        if not wanted:
            await self._scripts.ping(breaker=self.breaker, within_s=WITHIN_S)
            return Seen({}, {}, token, changes)
        answers = iter(await self._run("read", wanted, (token, lease_ms, *_sizes(wanted))))
        entries: dict[str, bytes | bool] = {}
        stamps: dict[str, bytes] = {}
        for namespace, keys in wanted.items():
            stamps[namespace] = next(answers)
            # The keys come first: of what is zipped the shorter one must end it.
            for key, answer in zip(keys, answers, strict=False):
                entries[key] = answer if answer.__class__ is bytes else answer == 1
        return Seen(entries, stamps, token, changes)

    def _put(self) -> None:
        values, self._values = self._values, []
        for some in _parts(values, [1] * len(values)):
            self.spawn(self._fill(some), "filling views' caches")

    async def _fill(self, values: Sequence[Value]) -> None:
        wanted: dict[str, list[str]] = {}
        told: dict[str, list[Argument]] = {}
        for namespace, key, stamp, token, value in values:
            wanted.setdefault(namespace, []).append(key)
            told.setdefault(namespace, []).extend((stamp, token, value))
        of_values = [argument for arguments in told.values() for argument in arguments]
        arguments = (TTL_MS, len(wanted), *_sizes(wanted), *of_values)
        try:
            await self._run("fill", wanted, arguments)
        except StoreUnavailable:
            return

    async def _run(
        self, script: str, wanted: Mapping[str, Collection[str]], arguments: Sequence[Argument]
    ) -> Any:
        keys = [self._scripts.life]
        for namespace, entries in wanted.items():
            keys.append(epoch_of(namespace))
            keys += entries
        return await self._scripts.run(
            script, keys, arguments, breaker=self.breaker, within_s=WITHIN_S
        )


def epoch_of(namespace: str) -> str:
    """The key whose value every value of the namespace carries."""
    return f"{namespace}:epoch"


def _tell(asked: Iterable[_Asked], seen: Seen) -> None:
    for one in asked:
        if not one.seen.done():
            one.seen.set_result(seen)


def _sizes(wanted: Mapping[str, Collection[str]]) -> Iterator[int]:
    return map(len, wanted.values())


def _parts(ones: Sequence[T], sizes: Sequence[int]) -> Iterator[Sequence[T]]:
    """All of them, in parts of KEYS_MAX keys or of one that has more."""
    start, total = 0, 0
    for place, size in enumerate(sizes):
        if total and total + size > KEYS_MAX:
            yield ones[start:place]
            start, total = place, 0
        total += size
    if start < len(ones):
        yield ones[start:]
