"""A worker that is told to stop ends cleanly, whenever that is."""

import asyncio
from contextlib import suppress

import pytest
from faust.types import TP

from infra.kafka.groups import KafkaGroups
from streams.faust import app as faust_app
from streams.faust import consumer as faust_consumer
from streams.faust.app import ProjectionApp
from streams.faust.consumer import CheckpointedConsumer
from tests.cluster.worker_town import WAIT_S, Town, events, running, until


async def test_no_task_is_left_of_a_worker_that_ended(town: Town) -> None:
    before = asyncio.all_tasks()
    worker = town.worker()

    async with running(worker):
        await until(lambda: worker.ready)

    assert asyncio.all_tasks() == before


async def test_a_worker_that_is_told_to_stop_while_its_group_meets_leaves_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    meets = asyncio.Event()
    on_partitions_revoked = CheckpointedConsumer.on_partitions_revoked

    async def late(self: CheckpointedConsumer, revoked: set[TP]) -> None:
        meets.set()
        await until(lambda: self.app.should_stop)
        await on_partitions_revoked(self, revoked)

    monkeypatch.setattr(CheckpointedConsumer, "on_partitions_revoked", late)
    worker = town.worker()
    async with running(worker):
        await meets.wait()

    assert await KafkaGroups(town.brokers).is_left(worker.group)


async def test_a_worker_ends_though_faust_loses_its_cancellation(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, start = asyncio.Event(), ProjectionApp.start

    async def losing(self: ProjectionApp) -> None:
        await start(self)
        started.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    monkeypatch.setattr(ProjectionApp, "start", losing)

    ending = asyncio.create_task(town.worker().run())
    await started.wait()
    ending.cancel()
    ended, _ = await asyncio.wait([ending], timeout=WAIT_S)

    assert ended == {ending}


async def test_what_was_under_way_when_its_partitions_were_taken_is_refused_and_read_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faust_app, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(faust_consumer, "RETRY_S", 0.1)
    ada, bob = town.notebook_of("ada"), town.notebook_of("bob")
    bob.let_go.set()
    older, younger = town.worker(ada), town.worker(bob)
    town.produce(events(100))

    async with running(older):
        await ada.begun.wait()
        async with running(younger):
            await until(lambda: younger.ready and older.ready)
            ada.let_go.set()
            await until(town.applied_all)

    assert town.notebook.refused() == {"ada"}
    town.check()
