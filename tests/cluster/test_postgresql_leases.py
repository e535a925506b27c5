"""Worker numbers in PostgreSQL: no two processes ever have one for the same milliseconds."""

import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from random import Random

import pytest

from domain.errors import Unavailable
from domain.ids import LEASED_WORKER_MAX
from infra.postgresql import blocking
from infra.postgresql.blocking import BlockingDatabase
from infra.postgresql.leases import LEASE_MS, PostgresqlLeases
from infra.stamps import Lease, LeasedStamps
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, shared_tables, url_of

NOW_MS = 1_790_000_000_000
Process = Callable[[], PostgresqlLeases]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that needs seconds for a commit is not what is tested."""
    monkeypatch.setattr(blocking, "LIMIT_S", 30.0)


@pytest.fixture
async def namespace(cluster: LocalCluster) -> AsyncIterator[str]:
    async with shared_tables(cluster) as namespace:
        yield namespace


@pytest.fixture
def process(cluster: LocalCluster, namespace: str) -> Iterator[Process]:
    """Another process that leases numbers."""
    opened: list[PostgresqlLeases] = []

    def start() -> PostgresqlLeases:
        opened.append(PostgresqlLeases(url_of(cluster), namespace))
        return opened[-1]

    yield start
    for leases in opened:
        leases.close()


def test_processes_that_start_together_get_different_numbers(process: Process) -> None:
    processes = [process() for _ in range(8)]
    granted: list[Lease] = []

    def start(leases: PostgresqlLeases) -> None:
        granted.extend(leases.acquire(NOW_MS) for _ in range(5))

    threads = [threading.Thread(target=start, args=(leases,)) for leases in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({lease.worker for lease in granted}) == 40


def test_a_number_is_granted_again_only_when_its_lease_is_over(process: Process) -> None:
    leases = process()
    granted = {leases.acquire(NOW_MS).worker for _ in range(LEASED_WORKER_MAX + 1)}
    assert granted == set(range(LEASED_WORKER_MAX + 1))

    with pytest.raises(Unavailable, match="Every worker number"):
        leases.acquire(NOW_MS + LEASE_MS - 1)
    leases.acquire(NOW_MS + LEASE_MS)


def test_a_lease_goes_on_until_another_process_has_the_number(process: Process) -> None:
    leases, other = process(), process()
    lease = leases.acquire(NOW_MS)
    longer = leases.extend(lease, NOW_MS + LEASE_MS + 1_000)
    assert longer == Lease(lease.worker, NOW_MS + 2 * LEASE_MS + 1_000)

    while other.acquire(longer.until_ms).worker != lease.worker:
        pass

    with pytest.raises(Unavailable, match="another process"):
        leases.extend(longer, longer.until_ms)


def test_a_process_that_got_its_number_anew_does_not_extend_the_old_lease(
    process: Process,
) -> None:
    leases = process()
    old = leases.acquire(NOW_MS)
    while (anew := leases.acquire(old.until_ms)).worker != old.worker:
        pass

    with pytest.raises(Unavailable, match="another process"):
        leases.extend(old, old.until_ms)
    leases.extend(anew, anew.until_ms)


def test_an_extension_whose_answer_was_lost_is_asked_for_again(process: Process) -> None:
    leases = process()
    lease = leases.acquire(NOW_MS)
    holder = leases._holders[lease]  # noqa: SLF001 - the answer gets lost behind the port
    leases.extend(lease, NOW_MS + 10)
    leases._holders = {lease: holder}  # noqa: SLF001

    assert leases.extend(lease, NOW_MS + 5) == Lease(lease.worker, NOW_MS + LEASE_MS + 10)


def test_nobodys_milliseconds_overlap_whatever_their_clocks_say(
    cluster: LocalCluster, namespace: str, process: Process
) -> None:
    few = BlockingDatabase(url_of(cluster))
    few.rows(f"DELETE FROM {namespace}.leases WHERE worker > 5")  # noqa: S608
    few.close()
    random = Random(11)
    processes = [process() for _ in range(3)]
    holding: list[tuple[PostgresqlLeases, Lease, int]] = []
    spans: dict[int, list[tuple[int, int]]] = defaultdict(list)
    clock = NOW_MS
    for _ in range(1_000):
        clock += random.randrange(LEASE_MS // 4)
        now = clock + random.randrange(-500, 500)
        if holding and random.random() < 0.4:
            leases, lease, since = holding.pop(random.randrange(len(holding)))
            try:
                holding.append((leases, leases.extend(lease, now), since))
            except Unavailable:
                spans[lease.worker].append((since, lease.until_ms))
        else:
            leases = random.choice(processes)
            with suppress(Unavailable):
                holding.append((leases, leases.acquire(now), now))
    for _, lease, since in holding:
        spans[lease.worker].append((since, lease.until_ms))

    assert sum(map(len, spans.values())) > 100
    for of_worker in spans.values():
        assert all(one[1] <= after[0] for one, after in pairwise(sorted(of_worker)))


def test_ids_are_made_with_what_was_leased(process: Process) -> None:
    stamps = [LeasedStamps(process()) for _ in range(2)]

    ids = [one.event_id() for one in stamps for _ in range(1_000)]

    assert len(set(ids)) == 2_000


def test_no_server_is_told_as_unavailable() -> None:
    with pytest.raises(Unavailable):
        PostgresqlLeases(NOWHERE).acquire(NOW_MS)
