"""What processes and engines may do to an installation for a long time. Seeds are printed; one is
taken again by STARLING_TEST_SEED."""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import local
from tests.cluster.audience import Imported, agrees, higgs_audience
from tests.cluster.crowd import Watch, crowd_of
from tests.cluster.engine_system import appoint, histories_on, moderator_of
from tests.cluster.installation import Installation, Program, installed
from tests.cluster.local import LocalCluster
from tests.cluster.probes import PROMISES, PUBLISHED, Probes

WORKERS: Final = {"first": ("all",), "second": ("all",), "third": ("all",)}
HISTORIES: Final = 50
STEPS: Final = 40
# All are pulled, some, and (of the few in a history) none.
THRESHOLDS: Final = ("0", "3", "100", "inf")
TURNS: Final = 20
FATES: Final = ("kill", "freeze", "leave")
# More than a group waits for a member that says nothing, and less.
FROZEN_S: Final = (0.5, 8.0)
BETWEEN: Final = 60
HUB_FOLLOWERS: Final = 23_143
OTHERS: Final = 2_000
READERS: Final = 2_000
AUDIENCE_S: Final = 1_800.0
IMPORTS_KILLED: Final = 6
IMPORTING_S: Final = (0.5, 6.0)
IMPORTED_FANS: Final = 600
IMPORTED_OTHERS: Final = 200
BACK_S: Final = 600.0
KEY: Final = "once"
# What a process says of a log or a view that lost something.
LOSSES: Final = ("went back", "The archive has a gap", "cannot be relayed", " is next")

pytestmark = [pytest.mark.torture, pytest.mark.timeout(0)]


@pytest.fixture
def installation(cluster: LocalCluster, tmp_path: Path) -> Iterator[Installation]:
    with installed(cluster, tmp_path / "installation", WORKERS) as running:
        asyncio.run(appoint(running))
        yield running


@pytest.fixture
def seed() -> int:
    given = os.environ.get("STARLING_TEST_SEED")  # noqa: TID251 - for one run of a test
    seed = int(given) if given else secrets.randbits(32)
    print(f"STARLING_TEST_SEED={seed}")  # noqa: T201 - to have it again
    return seed


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_the_engines_are_the_product(threshold: str, cluster: LocalCluster, tmp_path: Path) -> None:
    more = {"STARLING_FANOUT_THRESHOLD": threshold}
    with installed(cluster, tmp_path / "installation", WORKERS, **more) as running:
        asyncio.run(appoint(running))
        histories_on(running, histories=HISTORIES, steps=STEPS)


async def test_processes_that_die_freeze_and_come_lose_nothing(
    installation: Installation, seed: int
) -> None:
    """Every program is killed at least once; workers also stand still, leave and come again, and
    one comes that was not there before."""
    draw = random.Random(seed)
    crowd, watch = crowd_of(installation), Watch(installation, moderator_of(installation))

    async def meet(victim: Program, fate: str) -> None:
        await crowd.acknowledged(more=draw.randrange(1, BETWEEN))
        await watch.moved()
        await _meet(victim, fate, draw.uniform(*FROZEN_S))

    async with watch.watching(), crowd.writing():
        for program in installation.programs:
            await meet(program, "kill")
        installation.join("fourth", "all")
        workers = list(installation.workers.values())
        for _ in range(TURNS):
            await meet(draw.choice(workers), draw.choice(FATES))
    for served in installation.served:
        await asyncio.to_thread(installation.wait_until_ready, served)
    await crowd.check()
    watch.check()
    installation.require_alive()
    assert installation.told(*LOSSES) == []
    print(f"{len(crowd.notebook.acknowledged)} commands, {watch.looks} looks")  # noqa: T201 - a figure


async def _meet(victim: Program, fate: str, seconds: float) -> None:
    victim.require_alive()
    if fate == "freeze":
        victim.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        victim.send_signal(signal.SIGCONT)
        return
    how = signal.SIGKILL if fate == "kill" else signal.SIGTERM
    status = await asyncio.to_thread(victim.stop, how)
    # One that is only starting has nothing at hand to end in order.
    assert status in {-how, 0}, victim.log.read_text()[-4_000:]
    await asyncio.sleep(seconds)
    victim.launch()


async def test_the_audience_of_a_hub(installation: Installation, tmp_path: Path) -> None:
    audience = higgs_audience(followers_max=HUB_FOLLOWERS, others_max=OTHERS)
    followers = audience.followers
    threshold = installation.settings.threshold
    assert followers[audience.hub] == HUB_FOLLOWERS >= threshold
    assert len(audience.others) == OTHERS
    assert all(followers[one] < threshold for one in audience.others)

    imported = Imported(audience, installation, tmp_path)
    moderator = moderator_of(installation)
    await agrees(imported, moderator, readers=READERS, patience_s=AUDIENCE_S)
    print(imported.summaries)  # noqa: T201 - figures


async def test_an_import_whose_process_dies_goes_on(
    installation: Installation, tmp_path: Path, seed: int
) -> None:
    """At any moment of it, again and again; in the end everything is there once."""
    draw, victim = random.Random(seed), installation.commands
    audience = higgs_audience(followers_max=IMPORTED_FANS, others_max=IMPORTED_OTHERS)
    imported = Imported(audience, installation, tmp_path)
    moderator = moderator_of(installation)
    everything = audience.post([audience.hub, *audience.others] * 2), audience.edges
    for _ in range(IMPORTS_KILLED):
        loading = asyncio.create_task(asyncio.to_thread(imported.try_to_load, *everything))
        await asyncio.sleep(draw.uniform(*IMPORTING_S))
        await asyncio.to_thread(victim.stop, signal.SIGKILL)
        await loading
        victim.launch()
        await asyncio.to_thread(installation.wait_until_ready, victim)
    whole = await asyncio.to_thread(imported.load, *everything)
    again = await asyncio.to_thread(imported.load, *everything)
    await imported.caught_up(moderator, AUDIENCE_S)
    print(whole)  # noqa: T201 - a figure

    assert again["known"] == sum(map(len, everything))
    assert again["events"] == 0
    assert await imported.counts() == audience.counts()
    await imported.nobody_twice()


@pytest.fixture(scope="module")
def own(engines_can_run: None) -> Iterator[LocalCluster]:
    """Engines that a test may kill."""
    own = local.own(())
    own.up()
    yield own
    local.stop(own.folder.name)


@pytest.mark.parametrize("engine", PROMISES)
async def test_an_engine_that_dies_takes_with_it_only_what_needs_it(
    engine: str, own: LocalCluster, tmp_path: Path
) -> None:
    """And what was acknowledged is there when it is back, without anybody doing anything."""
    promise = PROMISES[engine]
    with installed(own, tmp_path / "installation", {"first": ("all",)}) as running:
        await appoint(running)
        watch = Watch(running, await asyncio.to_thread(moderator_of, running))
        crowd, probes = crowd_of(running), Probes(running)
        await probes.answer_again(BACK_S)
        async with watch.watching(), crowd.writing():
            await crowd.acknowledged(more=BETWEEN)
            status = await asyncio.to_thread(own.status)
            os.kill(status[engine]["pid"], signal.SIGKILL)
            answered = await probes.answering()
            given = await probes.tweet_with_key(KEY)
            await asyncio.to_thread(own.up)
            await probes.answer_again(BACK_S)
            await probes.tweet_again(KEY, given, BACK_S)
            await crowd.acknowledged(more=BETWEEN)
        await crowd.check()
        watch.check()
        running.require_alive()
        assert running.told(*LOSSES) == []
    print(f"{engine}: refused {sorted(probes.names - answered)}")  # noqa: T201 - a figure
    assert promise.answers <= answered
    assert not promise.refuses & answered
    assert not (given.is_success and promise.refuses >= PUBLISHED)
