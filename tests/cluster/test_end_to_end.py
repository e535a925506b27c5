"""The cluster profile as processes: two take commands, one is read, two run all workers."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import count, cycle
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx
import pytest

from domain import accounts
from domain.events import ProfileChanged
from domain.ids import AccountId
from infra.engines import engines_of
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.names import Names
from tests.blackbox.client import PASSWORD, Api, Person, new_handle
from tests.cluster.audience import Imported, agrees, higgs_audience, read
from tests.cluster.crowd import Watch, crowd_of
from tests.cluster.engine_system import appoint, histories_on, moderator_of
from tests.cluster.installation import ANSWER_S, HttpProgram, Installation, installed
from tests.cluster.local import LocalCluster
from tests.cluster.racing import Raced, is_register, is_reservation, race

HISTORIES: Final = 2
STEPS: Final = 12
# Authors of so many followers are pulled: some are, some are not, some cross it. Torture has more.
THRESHOLD: Final = "3"
# Longer than a group waits for a member that says nothing.
SILENT_S: Final = 8.0
HANDLES: Final = 5
CLIENTS: Final = 6
EDITS: Final = 6
FANS: Final = 150
OTHERS: Final = 100
READERS: Final = 20
# For what always comes: a machine may be slow, and busy with other things.
PATIENCE_S: Final = 300.0


@pytest.fixture(scope="module")
def installation(
    cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    workers = {"first": ("all",), "second": ("all",)}
    folder = tmp_path_factory.mktemp("installation")
    with installed(cluster, folder, workers, STARLING_FANOUT_THRESHOLD=THRESHOLD) as running:
        asyncio.run(appoint(running))
        yield running


@pytest.fixture
def moderator(installation: Installation) -> Person:
    return moderator_of(installation)


def test_the_engines_are_the_product(installation: Installation) -> None:
    """First of all: a history needs an empty installation, and leaves an empty one behind."""
    histories_on(installation, histories=HISTORIES, steps=STEPS)

    until = monotonic() + PATIENCE_S
    while (states := states_of(installation.reads)) != {"up"}:
        assert monotonic() < until, states


def states_of(served: HttpProgram) -> set[str]:
    """Of all its parts. Kafka is down at once where it says nothing for two seconds."""
    ready = httpx.get(f"{served.url}/readyz", timeout=ANSWER_S).json()
    return {part["state"] for part in ready["parts"]}


async def test_of_those_who_want_one_handle_at_once_one_gets_it(installation: Installation) -> None:
    async with httpx.AsyncClient(timeout=ANSWER_S) as http:
        urls = cycle([one.url for one in installation.all_commands])

        async def sign_up(handle: str) -> httpx.Response:
            body = {"handle": handle, "password": f"{PASSWORD} {handle}"}
            return await http.post(f"{next(urls)}/v1/accounts", json=body)

        for handle in (new_handle() for _ in range(HANDLES)):
            spelled = [handle.upper() if n % 2 else handle for n in range(CLIENTS)]
            raced = await race(spelled, sign_up)
            assert is_reservation(raced), [(one.status, one.answer.text) for one in raced]
            (winner,) = (one.answer for one in raced if one.status == 201)
            token = {"Consistency-Token": winner.headers["Consistency-Token"]}
            path = f"{installation.reads.url}/v1/accounts/by-handle/{handle}"
            found = await read(http, path, token)
            assert found.json()["id"] == winner.json()["id"]


async def test_edits_of_one_profile_have_an_order(installation: Installation) -> None:
    with installation.http() as sync:
        person = Api(sync).person()
    accepted: list[Raced] = []
    seen: list[list[str]] = []
    values = (f"name {number}" for number in count())
    async with httpx.AsyncClient(timeout=ANSWER_S) as http:

        async def edit(url: str) -> None:
            """One client after the other reads what it wrote; every client keeps what it saw."""
            sights: list[str] = []
            seen.append(sights)
            profile = f"{installation.reads.url}/v1/accounts/{person.id}"
            for _ in range(EDITS):
                value = next(values)
                patch = partial(http.patch, f"{url}/v1/accounts/me", headers=person.credentials)
                began = monotonic()
                answer = await patch(json={"display_name": value})
                edited = Raced(value, began, monotonic(), answer)
                assert answer.status_code in {200, 409}, answer.text
                waited = {"Prefer": "wait=10"}
                if answer.status_code == 200:
                    accepted.append(edited)
                    sights.append(value)
                    waited["Consistency-Token"] = answer.headers["Consistency-Token"]
                sights.append((await read(http, profile, waited)).json()["display_name"])

        urls = cycle([one.url for one in installation.all_commands])
        await asyncio.gather(*(edit(next(urls)) for _ in range(CLIENTS)))

    order = await profile_names(installation, person)
    assert len(accepted) >= EDITS
    assert is_register(accepted, order[1:])
    for sights in seen:
        places = [order.index(name) for name in sights]
        assert places == sorted(places)


async def profile_names(installation: Installation, person: Person) -> Sequence[str]:
    """What the log says, which has every version once."""
    async with AsyncExitStack() as opened:
        settings = installation.settings
        clients = Clients(engines_of(settings), Names(settings.namespace), opened)
        shared = await ClusterLog.open(clients, opened, settings)
        log = await shared.event_log()
        history = await log.history(accounts.stream_of(AccountId(int(person.id))))
    assert [one.version for one in history] == list(range(1, len(history) + 1))
    first, *changes = (one.event for one in history)
    assert all(isinstance(one, ProfileChanged) for one in changes)
    profiles: list[Any] = [first, *changes]
    return [one.personal.display_name for one in profiles]


async def test_what_was_acknowledged_survives_processes_that_die(
    installation: Installation, moderator: Person
) -> None:
    """One that takes commands and one of the workers; then a worker says nothing for a while."""
    crowd, watch = crowd_of(installation), Watch(installation, moderator)
    second = installation.workers["second"]
    async with watch.watching(), crowd.writing():
        for victim in (installation.commands, installation.workers["first"]):
            await crowd.acknowledged(more=50)
            victim.stop(signal.SIGKILL)
            await crowd.acknowledged(more=20)
            victim.launch()
        second.send_signal(signal.SIGSTOP)
        await asyncio.sleep(SILENT_S)
        await crowd.acknowledged(more=20)
        second.send_signal(signal.SIGCONT)
        await crowd.acknowledged(more=20)

    await asyncio.to_thread(installation.wait_until_ready, installation.commands)
    await crowd.check()
    watch.check()


async def test_a_stand_in_audience_reads_its_hub_and_others(
    installation: Installation, moderator: Person, tmp_path: Path
) -> None:
    """Last of all: who was imported stays."""
    audience = higgs_audience(followers_max=FANS, others_max=OTHERS)
    pulled = [one for one, count in audience.followers.items() if count >= int(THRESHOLD)]
    assert audience.hub in pulled
    assert len(pulled) < len(audience.others)

    imported = Imported(audience, installation, tmp_path)
    await agrees(imported, moderator, readers=READERS, patience_s=PATIENCE_S)
