"""What many readers miss at the same moment is loaded once, and a store is never asked for more
than a few things at a time.

A key that is written all the time is not in the cache, and all readers of a hot post miss it
together. Only a load that began after they asked tells them what was applied before: who comes
while one is under way waits for the next, with all others who come meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

IdT = TypeVar("IdT", bound=Hashable)
ValueT = TypeVar("ValueT")
Load = Callable[[Sequence[IdT]], Awaitable[Mapping[IdT, ValueT]]]

AT_ONCE: Final = 4
# Of one load; one reader's may be more.
IDS_MAX: Final = 500


class _Batch(Generic[IdT, ValueT]):
    """What the next load is to find."""

    def __init__(self) -> None:
        self.ids: dict[IdT, None] = {}
        self.found: asyncio.Future[Mapping[IdT, ValueT]] = (
            asyncio.get_running_loop().create_future()
        )


class JoinedLoads(Generic[IdT, ValueT]):
    """A `load` for many, used as it is itself. On one event loop; who gives up waiting takes
    nothing from others."""

    def __init__(self, load: Load[IdT, ValueT], *, at_once: int = AT_ONCE) -> None:
        self._load = load
        self._at_once = at_once
        self._batches: deque[_Batch[IdT, ValueT]] = deque()
        self._loading: set[asyncio.Future[Mapping[IdT, ValueT]]] = set()

    async def __call__(self, ids: Iterable[IdT]) -> dict[IdT, ValueT]:
        """What there is of these. Raises what the load raises."""
        wanted = dict.fromkeys(ids)
        batch = self._batch_for(len(wanted))
        batch.ids.update(wanted)
        found = await asyncio.shield(batch.found)
        return {one: found[one] for one in wanted if one in found}

    def _batch_for(self, number: int) -> _Batch[IdT, ValueT]:
        """One that has not begun."""
        if self._batches and len(self._batches[-1].ids) + number <= IDS_MAX:
            return self._batches[-1]
        batch = _Batch[IdT, ValueT]()
        self._batches.append(batch)
        asyncio.get_running_loop().call_soon(self._begin)
        return batch

    def _begin(self) -> None:
        while self._batches and len(self._loading) < self._at_once:
            batch = self._batches.popleft()
            task = asyncio.ensure_future(self._load(list(batch.ids)))
            self._loading.add(task)
            task.add_done_callback(partial(self._tell, batch))

    def _tell(self, batch: _Batch[IdT, ValueT], task: asyncio.Future[Mapping[IdT, ValueT]]) -> None:
        self._loading.discard(task)
        self._begin()
        if task.cancelled():
            batch.found.cancel()
        elif (error := task.exception()) is None:
            batch.found.set_result(task.result())
        else:
            batch.found.set_exception(error)
            # Told to those who wait, if there still are any.
            batch.found.exception()
