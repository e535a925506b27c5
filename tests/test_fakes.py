"""The fakes keep the promises of the ports they stand for."""

import pytest

from commands.ports import IdempotencyStore
from domain.errors import KeyInProgress, KeyReused, Unavailable
from tests import facts
from tests.contract.event_log_contract import EventLogContract
from tests.fakes import FakeEventLog, FakeIdempotency, FakeStamps


class TestFakeEventLog(EventLogContract):
    @pytest.fixture
    def idempotency(self) -> FakeIdempotency:
        return FakeIdempotency()

    @pytest.fixture
    def log(self, idempotency: IdempotencyStore) -> FakeEventLog:
        assert isinstance(idempotency, FakeIdempotency)
        return FakeEventLog(idempotency=idempotency)

    async def test_a_failure_records_nothing(self, log: FakeEventLog) -> None:
        log.failures.append(Unavailable())

        with pytest.raises(Unavailable):
            await log.publish([facts.tweet("ada")])

        assert log.events == []


async def test_a_key_in_progress_is_free_again_after_its_release() -> None:
    store = FakeIdempotency()
    claimed = await store.claim("7", "key", b"one")

    with pytest.raises(KeyInProgress):
        await store.claim("7", "key", b"one")
    with pytest.raises(KeyReused):
        await store.claim("7", "key", b"two")
    await store.release(claimed)  # type: ignore[arg-type]
    await store.claim("7", "key", b"two")


def test_ids_grow_also_when_the_clock_is_moved() -> None:
    stamps = FakeStamps()
    ids = [stamps.event_id() for _ in range(5_000)]

    stamps.advance(seconds=10)
    ids.append(stamps.event_id())

    assert ids == sorted(set(ids))
