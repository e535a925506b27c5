"""Workers as processes: nothing is lost and no checkpoint says too much, whatever dies."""

import asyncio
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import local
from tests.cluster.local import own_port
from tests.cluster.worker_town import WAIT_S, Town, both_work, events, town_at, until
from tests.programs import get

EVENTS: Final = 5_000
# Longer than a group waits for its members.
BROKER_AWAY_S: Final = 10.0


async def test_a_worker_that_is_killed_in_the_middle_leaves_no_gap(town: Town) -> None:
    town.produce(events(EVENTS))
    # Ten batches and more: it is in the middle for long enough to be met there by who is slow.
    first = town.process("first", slow_s=2.0)
    await until(lambda: town.notebook.steps() > 0)

    first.kill()
    before = town.notebook.steps()
    town.process("second")
    await until(town.applied_all)

    assert before < EVENTS
    town.check()


@contextmanager
def nobody_writes(town: Town) -> Iterator[None]:
    """Who stands still holds no lock on the file for ever."""
    file = sqlite3.connect(town.folder / "notebook.db", timeout=WAIT_S, isolation_level=None)
    with closing(file):
        file.execute("BEGIN IMMEDIATE")
        yield


def send(worker: "subprocess.Popen[bytes]", fate: signal.Signals) -> None:
    """Return once it was met by the signal."""
    worker.send_signal(fate)
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
async def test_another_worker_takes_over_the_partitions_of_one_that_is_gone(
    town: Town, fate: signal.Signals
) -> None:
    workers = {name: town.process(name, slow_s=0.02) for name in ("ada", "bob")}
    await both_work(town)

    with nobody_writes(town):
        send(workers["ada"], fate)
    town.produce(events(EVENTS))
    await until(town.applied_all)
    workers["ada"].send_signal(signal.SIGCONT)
    town.produce(events(100))
    await until(town.applied_all)

    town.check()


async def test_what_a_stale_owner_still_writes_is_refused(town: Town) -> None:
    workers = {name: town.process(name, slow_s=0.02) for name in ("ada", "bob")}
    await both_work(town)
    with nobody_writes(town):
        town.produce(events(EVENTS))
        await until(lambda: town.notebook.is_writing("ada"))
        send(workers["ada"], signal.SIGSTOP)
    await until(town.applied_all)
    before = town.notebook.writers()

    workers["ada"].send_signal(signal.SIGCONT)
    await until(lambda: "ada" in town.notebook.refused())

    assert town.notebook.writers() == before
    town.produce(events(100))
    await until(town.applied_all)
    town.check()


async def test_workers_that_come_and_go_lose_nothing(town: Town) -> None:
    names = (f"worker_{number}" for number in count())
    workers = [town.process(next(names), slow_s=0.02)]
    for turn in range(3):
        town.produce(events(EVENTS // 5))
        workers.append(town.process(next(names), slow_s=0.02))
        await until(lambda turn=turn: town.notebook.steps() > turn * EVENTS // 5)  # type: ignore[misc]
        workers.pop(0).kill()
    await until(town.applied_all)

    town.check()


async def test_a_worker_that_is_told_to_stop_ends_in_order(town: Town) -> None:
    town.produce(events(EVENTS))
    worker = town.process("first", slow_s=0.1)
    await until(lambda: town.notebook.steps() > 0)

    worker.terminate()
    status = await asyncio.to_thread(worker.wait, WAIT_S)

    assert status == 0
    assert town.notebook.promises_too_much() == []


async def test_a_worker_tells_on_a_port_of_its_own_how_it_does(town: Town) -> None:
    town.produce(events(100))
    port = own_port()
    town.process("first", port=port)
    await until(town.applied_all)
    # A worker that stood still for long meets its group again.
    await until(lambda: get(port, "/readyz").status_code == 200)

    ready, metrics = get(port, "/readyz"), get(port, "/metrics").text

    assert get(port, "/livez").json() == {"state": "up"}
    assert (ready.status_code, ready.json()["state"]) == (200, "up")
    assert 'starling_worker_events_total{projection="notebook"} 100.0' in metrics
    assert 'starling_projection_lag_events{projection="notebook"} 0.0' in metrics
    assert 'starling_projection_partitions{projection="notebook"} 16.0' in metrics
    assert metrics.count("starling_worker_partition_lag_events{") == 16


async def test_a_worker_that_cannot_begin_is_not_ready(town: Town) -> None:
    port = own_port()
    town.notebook.have_an_outage()
    town.process("first", port=port)
    await until(lambda: "cannot go on" in (town.folder / "first.log").read_text())

    ready = get(port, "/readyz")

    assert ready.status_code == 503
    assert {part["name"]: part["state"] for part in ready.json()["parts"]} == {
        "log": "down",
        "notebook": "down",
    }


async def test_a_process_whose_worker_crashed_says_so(town: Town) -> None:
    town.notebook.have_a_bug()
    town.produce(events(10))

    process = town.process("first")

    assert await asyncio.to_thread(process.wait, WAIT_S) not in {0, None}


@pytest.mark.torture
async def test_workers_go_on_when_a_broker_that_died_is_back(
    engines_can_run: None, tmp_path: Path
) -> None:
    own = local.own(("kafka",))
    own.up()
    try:
        with town_at(f"127.0.0.1:{own.ports.kafka}", tmp_path) as town:
            workers = [town.process(name, slow_s=0.02) for name in ("ada", "bob")]
            await both_work(town)
            town.produce(events(EVENTS))

            own.kill("kafka")
            await asyncio.sleep(BROKER_AWAY_S)
            own.up()
            town.produce(events(100))
            await until(town.applied_all)

            assert [worker.poll() for worker in workers] == [None, None]
            town.check()
    finally:
        local.stop(own.folder.name)
