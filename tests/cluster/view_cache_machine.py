"""Readers and writers of a view's cache, step by step, and what readers may be given.

A value is a number that only grows; 0 is nothing. A read that begins once a number was committed
must not give a lower one, whatever the others are in the middle of: reading, applying, dying; and
whatever Redis remembers when it starts again. While a writer cannot reach Redis, and until it has
paid what it owes, readers may be given less.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from os import getpid
from typing import Any, ClassVar, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from infra.breaker import Breaker
from infra.redis.client import RedisClient, client
from infra.redis.scripts import Argument
from infra.redis.view_cache import ViewCaches
from infra.redis.view_cache_bars import Bars
from infra.redis.view_cache_scripts import TEXTS, CacheScripts, new_token
from infra.redis.view_cache_turns import epoch_of
from projections.projection import StoreUnavailable

IDS: Final = range(2)
SOME: Final = st.sampled_from([[0], [0, 1]])
PROCESSES: Final = range(2)
# Only what is cut is cut, and bars run out when a rule says so: not when the machine is busy.
PATIENCE_S: Final = 60.0
# Some are more frequent: while a process is cut off less can be said.
DISTURBANCES: Final = (
    "it is cut off",
    *("it is entrusted", "bars run out") * 2,
    *("redis writes to its disk", "redis starts again") * 3,
)
_numbers = count()
T = TypeVar("T")


class Cuttable(CacheScripts):
    """A way to Redis that can be cut, and to one that knows no scripts."""

    def __init__(self, redis: RedisClient, life: str) -> None:
        super().__init__(redis, life=life)
        self.cut = False
        self._client = redis
        self._known = CacheScripts(redis, life=life)

    def forget(self) -> None:
        """Be as after Redis has ended: no script is there. Others use those that really are."""
        texts = {name: f"{text}-- {new_token()}" for name, text in TEXTS.items()}
        self._known = CacheScripts(self._client, life=self.life, texts=texts)

    async def run(
        self,
        script: str,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        breaker: Breaker,
        within_s: float,
    ) -> Any:
        """See `CacheScripts.run`."""
        if self.cut:
            raise StoreUnavailable("cut")
        return await self._known.run(script, keys, arguments, breaker=breaker, within_s=PATIENCE_S)

    async def ping(self, *, breaker: Breaker, within_s: float) -> None:
        """See `CacheScripts.ping`."""
        if self.cut:
            raise StoreUnavailable("cut")
        await self._known.ping(breaker=breaker, within_s=PATIENCE_S)


class Process:
    """Reads and writes the view of one namespace."""

    def __init__(self, redis: RedisClient, namespace: str) -> None:
        self.namespace = namespace
        self.scripts = Cuttable(redis, f"{namespace}:life")
        self.caches = ViewCaches(redis, self.scripts)
        cache = self.caches.of(namespace)
        self.bars: Bars = cache.bars
        self.bars._bar_ms = round(1_000 * PATIENCE_S)  # noqa: SLF001
        self.shelf = cache.shelf("number", lambda number: b"%d" % number, int)
        near = self.caches.of(namespace, counted_as="near", near=True)
        self.near = near.shelf("number", lambda number: b"%d" % number, int)

    async def heard(self) -> None:
        """Wait for a sign of life of Redis."""
        await self.caches._turns.look(self.namespace, (), lease_ms=0)  # noqa: SLF001

    def keys(self, ids: Iterable[int]) -> list[str]:
        """All that there can be."""
        return [self.scripts.life, epoch_of(self.namespace), *map(self.shelf.key, ids)]

    async def cached(self) -> dict[int, int]:
        """What is given without asking the store."""
        keys = {self.shelf.key(one): one for one in IDS}
        seen = await self.caches._turns.look(self.namespace, keys, lease_ms=0)  # noqa: SLF001
        entries = ((one, seen.entries.get(key)) for key, one in keys.items())
        return {one: int(entry or 0) for one, entry in entries if isinstance(entry, bytes)}


class Read:
    """A reader that asks the store when it is told to, and hears the answer when it is told to."""

    def __init__(
        self, process: Process, ids: Sequence[int], numbers: Counter[int], *, near: bool
    ) -> None:
        self.least = Counter(numbers)
        self.asking, self.may_ask = asyncio.Event(), asyncio.Event()
        self.asked, self.may_hear = asyncio.Event(), asyncio.Event()

        async def load(missing: Sequence[int]) -> dict[int, int]:
            self.asking.set()
            await self.may_ask.wait()
            found = {one: numbers[one] for one in missing if numbers[one]}
            self.asked.set()
            await self.may_hear.wait()
            return found

        self.ids = ids
        shelf = process.near if near else process.shelf
        self.task = asyncio.create_task(shelf.read(ids, load))


class Page:
    """A reader that has heard from Redis, and reads what is near when it is told to."""

    def __init__(self, process: Process, numbers: Counter[int]) -> None:
        self.least = Counter(numbers)
        self.process = process
        self.may_read = asyncio.Event()

    async def read(self, begun: asyncio.Event) -> Mapping[int, int] | None:
        self.process.caches.begin()
        await self.process.heard()
        begun.set()
        await self.may_read.wait()
        return self.process.near.get(IDS)


class Failed(Exception):
    """The store could not."""


class Apply:
    """A writer within its bars."""

    def __init__(self, process: Process, ids: Sequence[int], *, whole: bool) -> None:
        self.process = process
        self.ids = IDS if whole else ids
        self.without_bars = process.scripts.cut
        self.within, self.ending = asyncio.Event(), asyncio.Event()
        self.fails = False
        self.task = asyncio.create_task(self._run(whole=whole))

    async def _run(self, *, whole: bool) -> None:
        keys = [self.process.shelf.key(one) for one in self.ids]
        with suppress(Failed):
            async with self.process.bars.over(keys, whole=whole):
                self.within.set()
                await self.ending.wait()
                if self.fails:
                    raise Failed


class CacheMachine(RuleBasedStateMachine):
    """`url` is that of a Redis."""

    url: ClassVar[str]
    reads = Bundle("reads")
    asked = Bundle("asked")
    applies = Bundle("applies")
    failed = Bundle("failed")
    pages = Bundle("pages")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = self.do(self._client())
        self.namespace = f"cache_machine_{getpid()}_{next(_numbers)}"
        self.processes = [Process(self.redis, self.namespace) for _ in PROCESSES]
        self.keys = self.processes[0].keys(IDS)
        self.numbers: Counter[int] = Counter()
        self.before: dict[str, tuple[bytes, int]] = {}
        self.applying: list[Apply] = []
        self.failures: list[Apply] = []

    async def _client(self) -> RedisClient:
        found = client(self.url)
        assert found._shared is not None  # noqa: SLF001
        found._shared._limit_s = PATIENCE_S  # noqa: SLF001
        return found

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.do(self._end())
        self.runner.close()

    async def _end(self) -> None:
        for process in self.processes:
            await process.caches.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await self.redis.unlink(*self.keys)
        await self.redis.aclose()

    @property
    def in_doubt(self) -> bool:
        """Whether somebody applies without bars, or owes the cache something for it."""
        cut = any(one.scripts.cut for one in self.processes)
        return cut or any(one.without_bars for one in self.applying)

    @invariant()
    def nothing_old_counts(self) -> None:
        """Also of what nobody reads now."""
        if not self.in_doubt:
            for one, number in self.do(self.processes[0].cached()).items():
                assert number == self.numbers[one]

    @rule(process=st.sampled_from(PROCESSES), near=st.booleans())
    def read(self, process: int, near: bool) -> None:
        """All at once."""
        self.hear(self.ask_the_store(self.begin_to_read(process, list(IDS), near)))

    @rule(target=pages, process=st.sampled_from(PROCESSES))
    def begin_a_page(self, process: int) -> tuple[Page, asyncio.Task[Mapping[int, int] | None]]:
        """Of what is near by now."""
        self.read(process, near=True)
        self.read(process, near=True)

        async def begin() -> tuple[Page, asyncio.Task[Mapping[int, int] | None]]:
            page, begun = Page(self.processes[process], self.numbers), asyncio.Event()
            if self.in_doubt:
                page.least.clear()
            task = asyncio.create_task(page.read(begun))
            await begun.wait()
            return page, task

        return self.do(begin())

    @rule(begun=consumes(pages))
    def read_near(self, begun: tuple[Page, asyncio.Task[Mapping[int, int] | None]]) -> None:
        page, task = begun

        async def read() -> Mapping[int, int] | None:
            page.may_read.set()
            return await task

        found = self.do(read())
        if found is not None:
            for one in IDS:
                assert page.least[one] <= found.get(one, 0) <= self.numbers[one]

    @rule(target=reads, process=st.sampled_from(PROCESSES), ids=SOME, near=st.booleans())
    def begin_to_read(self, process: int, ids: list[int], near: bool) -> Read:
        numbers = self.numbers

        async def begin() -> Read:
            read = Read(self.processes[process], ids, numbers, near=near)
            if self.in_doubt:
                read.least.clear()
            asking = asyncio.ensure_future(read.asking.wait())
            await asyncio.wait({read.task, asking}, return_when=asyncio.FIRST_COMPLETED)
            asking.cancel()
            return read

        return self.do(begin())

    @rule(target=asked, read=consumes(reads))
    def ask_the_store(self, read: Read) -> Read:
        async def ask() -> Read:
            if not read.task.done():
                read.may_ask.set()
                await read.asked.wait()
            return read

        return self.do(ask())

    @rule(read=consumes(asked))
    def hear(self, read: Read) -> None:
        async def hear() -> Mapping[int, int]:
            read.may_hear.set()
            found = await read.task
            for process in self.processes:
                if not process.scripts.cut:
                    await process.caches.settle()
            return found

        found = self.do(hear())
        for one in read.ids:
            assert read.least[one] <= found.get(one, 0) <= self.numbers[one]

    @rule(
        target=applies,
        process=st.sampled_from(PROCESSES),
        ids=SOME,
        whole=st.sampled_from([0, 0, 1]),
    )
    def begin_to_apply(self, process: int, ids: list[int], whole: int) -> Apply:
        async def begin() -> Apply:
            apply = Apply(self.processes[process], ids, whole=bool(whole))
            await apply.within.wait()
            return apply

        apply = self.do(begin())
        self.applying.append(apply)
        return apply

    @rule(apply=applies)
    def commit(self, apply: Apply) -> None:
        if apply in self.applying:
            self.numbers.update(apply.ids)

    @rule(apply=consumes(applies))
    def finish(self, apply: Apply) -> None:
        self.commit(apply)
        self._finish(apply, fails=False)

    @rule(target=failed, apply=consumes(applies))
    def fail(self, apply: Apply) -> Apply:
        self._finish(apply, fails=True)
        self.failures.append(apply)
        return apply

    @precondition(lambda self: not self.in_doubt)
    @rule(apply=consumes(failed))
    def come_to_be_all_the_same(self, apply: Apply) -> None:
        """What was sent to the store before it failed."""
        if not apply.without_bars:
            self.numbers.update(apply.ids)

    @rule(process=st.sampled_from(PROCESSES), what=st.sampled_from(DISTURBANCES))
    def disturb(self, process: int, what: str) -> None:
        """Rules of their own would be nearly half of all."""
        disturbed = self.processes[process]
        if what == "it is cut off":
            disturbed.scripts.cut = True
        elif what == "it is entrusted":
            self.do(disturbed.bars.entrusted())
        elif what == "bars run out":
            self.do(self._let_bars_run_out())
        elif what == "redis writes to its disk":
            self.before = self.do(self._kept())
        elif what == "redis starts again" and not (self.applying or self.in_doubt):
            self.do(self._restart())

    @rule()
    def be_back(self) -> None:
        for process in self.processes:
            process.scripts.cut = False
        self.do(self._paid())

    async def _let_bars_run_out(self) -> None:
        """Their writers stood still for too long: readers are right again when they have ended."""
        for key in self.keys:
            if await self.redis.getrange(key, 0, 0) in (b"B", "B"):
                await self.redis.unlink(key)
        for apply in (*self.applying, *self.failures):
            apply.without_bars = True

    async def _kept(self) -> dict[str, tuple[bytes, int]]:
        kept = {key: (await self.redis.dump(key), await self.redis.pttl(key)) for key in self.keys}
        return {key: (dump, ttl) for key, (dump, ttl) in kept.items() if dump is not None}

    async def _restart(self) -> None:
        """With what was on the disk. Bars are lost, also those over what may come to be yet."""
        await self.redis.unlink(*self.keys)
        for key, (dump, ttl) in self.before.items():
            await self.redis.restore(key, max(ttl, 0), dump, replace=True)
        for process in self.processes:
            process.scripts.forget()
        for apply in self.failures:
            apply.without_bars = True

    def _finish(self, apply: Apply, *, fails: bool) -> None:
        async def end() -> None:
            apply.fails = fails
            apply.ending.set()
            await apply.task
            self.applying.remove(apply)
            await self._paid()

        self.do(end())

    async def _paid(self) -> None:
        """Wait until nothing is owed that can be paid."""
        for process in self.processes:
            while process.bars._paying and not process.scripts.cut:  # noqa: SLF001
                await asyncio.sleep(0.001)


def machine(url: str) -> type[CacheMachine]:
    """On this Redis."""
    return type("OnThisRedis", (CacheMachine,), {"url": url})
