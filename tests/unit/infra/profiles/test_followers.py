"""Workers of generations that come and go."""

import asyncio
from collections.abc import Sequence

import pytest

from infra.generations import Generation, State
from infra.profiles.followers import Followers
from projections.projection import Projection

MIRROR = Projection("mirror", 1, frozenset(), lambda _: ())


class Watch:
    """What is seen is what a test says."""

    def __init__(self, *states: State) -> None:
        self.states = states
        self.turn = asyncio.Event()

    def of(self, projection: Projection) -> Sequence[Generation]:
        return [
            Generation(projection.name, projection.version, number, state)
            for number, state in enumerate(self.states, 1)
        ]

    def see(self, *states: State) -> None:
        self.states = states
        self.turn.set()
        self.turn = asyncio.Event()


class Workshop:
    """Which generations are worked on now."""

    def __init__(self) -> None:
        self.working: set[int] = set()
        self.broken = asyncio.Event()

    async def fill(self, _projection: Projection, generation: int) -> None:
        self.working.add(generation)
        try:
            await self.broken.wait()
            raise RuntimeError(f"generation {generation} is broken")
        finally:
            self.working.discard(generation)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_whatever_follows_the_log_has_a_worker() -> None:
    watch, shop = Watch("live"), Workshop()
    running = asyncio.create_task(Followers(MIRROR, watch, shop.fill).run())
    seen = []
    for states in (
        ("live",),
        ("live", "building"),
        ("live", "filled"),
        ("kept", "live"),
        ("dropped", "live"),
    ):
        watch.see(*states)
        await settled()
        seen.append(set(shop.working))

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert seen == [{1}, {1}, {1, 2}, {1, 2}, {2}]
    assert shop.working == set()


async def test_what_ends_one_worker_ends_all() -> None:
    watch, shop = Watch("kept", "live"), Workshop()
    running = asyncio.create_task(Followers(MIRROR, watch, shop.fill).run())
    await settled()

    shop.broken.set()

    with pytest.raises(RuntimeError, match="is broken"):
        await running
    assert shop.working == set()
