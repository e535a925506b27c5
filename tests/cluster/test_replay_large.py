"""Every projection on the engines replayed from a large log while clients go on, and killed.

Before anybody serves, a first replay of each makes the views. Then, with a server and workers, each
is replayed once more, killed at random points, swapped in and proven. What each of them took is
printed (`pytest -s`).
"""

import asyncio
import os
import random
import resource
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple

import httpx
import pytest

from domain.ids import AccountId
from infra.settings import Settings
from streams.registry import PROJECTIONS
from tests.bench.world import TEXTS, texts
from tests.blackbox.client import expect
from tests.blackbox.crowd_seen import of_crowd
from tests.blackbox.server import PROGRAM, Server
from tests.blackbox.town import Seen, Town, clients
from tests.cluster import local
from tests.cluster.bulk_topics import load
from tests.cluster.local import LocalCluster
from tests.cluster.replayed_place import LOOK_EVERY_S, Place, told_by
from tests.cluster.serving import server_on, with_workers

pytestmark = [pytest.mark.torture, pytest.mark.timeout(0)]

EVERY_ONE: Final = tuple(one.name for one in PROJECTIONS)
PROCESSES: Final = "2"
KEYS_ASKED: Final = "200"
FOLLOWED: Final = 5
# Behind that a replay may end before somebody has seen that it came there.
KILLED_BEFORE: Final = 0.9
SEED: Final = 6
SIGNED_IN_EVERY: Final = 1_000
A_DAY_S: Final = 86_400.0
# A view that is behind is asked again for a minute: everybody shares the processor.
READS_MAX: Final = 6

waiting = partial(told_by, within_s=A_DAY_S)


@pytest.fixture
def engines(engines_can_run: None) -> Iterator[LocalCluster]:
    """Their own, on the disk: what a million events leave behind goes with them."""
    if "STARLING_TEST_CLUSTER" in os.environ:  # noqa: TID251 - those that are there
        yield local.shared()
        return
    own = local.own(())
    own.up()
    yield own
    local.stop(own.folder.name)


class Went(NamedTuple):
    """What came of one projection: what its replay and its proof told, how often it was killed,
    and how far it was then."""

    replayed: Any
    verified: Any
    kills: int
    reached: int
    position: int


def points(kills: int) -> Mapping[str, Sequence[float]]:
    """At which parts of which projection's log its replay is killed, by chance and the same in
    every run."""
    chance = random.Random(SEED)
    drawn = sorted(chance.uniform(0, len(EVERY_ONE)) for _ in range(kills))
    return {
        name: [KILLED_BEFORE * (at - number) for at in drawn if int(at) == number]
        for number, name in enumerate(EVERY_ONE)
    }


def prepare(server: Server, events: int) -> Sequence[AccountId]:
    """Give an installation that nobody serves yet a log of so many events and views of it. Some
    people whose accounts commands know."""
    environ = server.environ
    settings = Settings(
        profile="cluster",
        cluster_port=environ["STARLING_CLUSTER_PORT"],
        namespace=environ["STARLING_NAMESPACE"],
        partitions=environ["STARLING_PARTITIONS"],
    )
    said = texts() if TEXTS.exists() else None
    with archived_by(server), timed(f"{events:,} events produced and archived"):
        known = asyncio.run(load(settings, events, appended=FOLLOWED, texts=said))
    for name in EVERY_ONE:
        rebuilt(server, name)
        # Workers would fill the empty one that it took the place of.
        waiting(server, "projections", "prune", name)
    return known


def take_back(town: Town, posted: Sequence[str]) -> None:
    """Delete what clients posted. It may take longer than a session lasts."""
    town.sign_in()
    for number, post_id in enumerate(posted, 1):
        expect(town.bob.delete(f"/v1/tweets/{post_id}"), 204)
        if number % SIGNED_IN_EVERY == 0:
            town.sign_in()


def rebuilt(server: Server, name: str) -> Any:
    """What its replay told, which is reported."""
    with timed(f"{name} replayed"):
        done = waiting(server, "replay", name, "--processes", PROCESSES)
    per_s = done["events"] / done["seconds"]
    say(f"{name}: {done['events']:,} events, {per_s:,.0f}/s, ETA error {done['eta_error']}")
    return done


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Report how long that takes, and how long its programs computed."""
    began, computed = monotonic(), computed_s()
    yield
    took, computing = monotonic() - began, computed_s() - computed
    say(f"{what}: {took:,.1f} s, {computing:,.1f} s of processor time")


def computed_s() -> float:
    """Processor time of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tell(seen: Seen) -> None:
    """Report what clients saw so far."""
    say(
        f"{seen.reads:,} reads, {len(seen.posted):,} posts; {len(seen.failed)} failed, "
        f"{len(seen.stale)} stale, {len(seen.behind)} told to come again"
    )


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a report


@contextmanager
def archived_by(server: Server) -> Iterator[None]:
    """A worker copies the topics meanwhile."""
    worker = subprocess.Popen([PROGRAM, "worker", "archive"], env=server.environ)
    try:
        yield
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()


def killed_at(place: Place, name: str, parts: Sequence[float]) -> tuple[int, int]:
    """Kill its replay wherever it has come so far, in parts of the log: how often that was in the
    middle of it, and how far it was in the end. None of them swaps."""
    kills, reached, pause = 0, 0, threading.Event()
    for part in parts:
        with place.server.begun("replay", name, "--no-swap", "--processes", PROCESSES) as running:
            while running.poll() is None:
                found = place.replay(name)
                # Before it has told anything it is at 0 of 0.
                if (
                    found is not None
                    and found.running
                    and found.done > max(part * found.total, reached)
                ):
                    kills, reached = kills + 1, found.done
                    break
                pause.wait(LOOK_EVERY_S)
            else:
                assert running.returncode == 0, running.communicate()
    return kills, reached


def replayed(place: Place, name: str, parts: Sequence[float]) -> Went:
    """Replay it, killed there, and prove it; only the new generation is left."""
    kills, reached = killed_at(place, name, parts)
    done = rebuilt(place.server, name)
    with timed(f"{name} verified"):
        verified = waiting(place.server, "verify", name, "--sample", KEYS_ASKED)
    say(f"{name}: {verified['outcome']}, {verified['keys']:,} keys, killed {kills} times")
    position = place.status(name).position
    waiting(place.server, "projections", "prune", name)
    return Went(done, verified, kills, reached, position)


@pytest.mark.parametrize(("events", "kills"), [(50_000, 5), (250_000, 10), (1_000_000, 20)])
def test_every_projection_is_replayed_while_clients_read_and_write(
    engines: LocalCluster, tmp_path: Path, events: int, kills: int
) -> None:
    server = server_on(engines, tmp_path)
    known = prepare(server, events)
    with (
        with_workers(server),
        httpx.Client(base_url=server.url, timeout=120) as http,
    ):
        town = Town(http)
        for person in known:
            expect(town.cleo.put(f"/v1/accounts/{person}/follow"), 204)
        town.wait_until_shown()
        place, before = Place(server, town), [town.answers(), of_crowd(town.cleo)]

        with clients(place.http, town, reads_max=READS_MAX) as seen:
            went = []
            for name, parts in points(kills).items():
                went.append(replayed(place, name, parts))
                tell(seen)

        take_back(town, seen.posted)
        after = [town.answers(), of_crowd(town.cleo)]

    assert (seen.failed, seen.stale) == ([], [])
    assert seen.posted
    assert {one.replayed["answering"] for one in went} == {3}
    assert {one.verified["projection"]: one.verified["outcome"] for one in went} == dict.fromkeys(
        EVERY_ONE, "equal"
    )
    assert any(one.kills for one in went)
    for one in went:
        assert one.replayed["events"] <= one.position - one.reached
    assert after == before
