"""Local identity on PostgreSQL: the contract, and what only many processes can get wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import jwt
import pytest

from commands.ports import Tokens
from domain.errors import NotSignedIn, Unavailable, WrongCredentials
from infra.local_identity import LocalIdentity
from infra.local_identity.passwords import Cost
from infra.local_identity.signing_keys import KEY_LIFETIME_S
from infra.postgresql import blocking
from infra.postgresql import identity as module
from infra.postgresql.database import Database
from infra.postgresql.identity import KEY_NOTICE_S, PostgresqlIdentityStore
from tests.cluster.local import LocalCluster
from tests.cluster.postgresql import NOWHERE, shared_tables, url_of
from tests.contract.identity_contract import (
    ACCESS_LIFETIME_S,
    ADA,
    BOB,
    OTHER,
    REFRESH_LIFETIME_S,
    SECRET,
    IdentityContract,
)
from tests.fakes import Fakes

CHEAP = Cost(passes=1, memory_kib=8)
# Within this a process must have heard what another one did.
HEARD_S = 120.0
Process = Callable[[], LocalIdentity]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that needs seconds for a commit is not what is tested."""
    monkeypatch.setattr(blocking, "LIMIT_S", 30.0)
    monkeypatch.setattr("infra.postgresql.database.CONNECT_S", 30)


@pytest.fixture
async def namespace(cluster: LocalCluster) -> AsyncIterator[str]:
    async with shared_tables(cluster) as namespace:
        yield namespace


@pytest.fixture
async def database(cluster: LocalCluster) -> AsyncIterator[Database]:
    database = Database(url_of(cluster))
    yield database
    await database.close()


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def process(
    cluster: LocalCluster, database: Database, namespace: str, fakes: Fakes
) -> Iterator[Process]:
    """A provider as another process has it."""
    started: list[LocalIdentity] = []

    def start() -> LocalIdentity:
        provider = LocalIdentity(
            PostgresqlIdentityStore(database, url_of(cluster), namespace),
            log=fakes.log,
            refusals=fakes.refusals,
            clock=lambda: fakes.stamps.now_ms / 1000,
            cost=CHEAP,
            hashing_threads=1,
        )
        started.append(provider)
        return provider

    yield start
    for provider in started:
        provider.close()


class TestLocalIdentityOnPostgresql(IdentityContract):
    @pytest.fixture
    def reopen(self, process: Process) -> Process:
        return process

    @pytest.fixture
    def provider(self, process: Process) -> LocalIdentity:
        return process()


@pytest.fixture
async def tokens(process: Process) -> Tokens:
    first = process()
    await first.enroll(ADA, SECRET)
    return await first.sign_in(ADA, SECRET)


async def refused_soon(provider: LocalIdentity, token: str) -> float:
    """Verify until it is refused; how long that took, in seconds."""
    started = time.monotonic()
    async with asyncio.timeout(HEARD_S):
        while True:
            try:
                provider.verify(token)
            except NotSignedIn:
                return time.monotonic() - started
            await asyncio.sleep(0.01)


async def test_a_token_of_one_process_is_good_at_every_other(
    process: Process, tokens: Tokens
) -> None:
    others = [process() for _ in range(2)]

    assert [other.verify(tokens.access_token).account_id for other in others] == [ADA, ADA]
    again = await others[0].refresh(tokens.refresh_token)
    others[1].verify(again.access_token)


async def test_a_session_that_one_process_ended_is_refused_by_the_others_in_about_a_second(
    process: Process, tokens: Tokens
) -> None:
    here, there = process(), process()
    kept = await here.sign_in(ADA, SECRET)
    session_id = there.verify(tokens.access_token).session_id

    await here.sign_out(session_id)

    with pytest.raises(NotSignedIn):
        here.verify(tokens.access_token)
    assert await refused_soon(there, tokens.access_token) < HEARD_S
    there.verify(kept.access_token)
    with pytest.raises(NotSignedIn):
        await there.refresh(tokens.refresh_token)


async def test_processes_that_start_together_sign_with_one_key(
    process: Process, tokens: Tokens
) -> None:
    def kids(provider: LocalIdentity) -> set[str]:
        return {key["kid"] for key in provider.jwks()["keys"]}

    started = await asyncio.gather(*(asyncio.to_thread(process) for _ in range(4)))

    assert len({frozenset(kids(provider)) for provider in started}) == 1
    assert len(kids(started[0])) == 1


async def test_a_new_key_signs_when_every_process_knows_it(
    fakes: Fakes, process: Process, tokens: Tokens
) -> None:
    here, there = process(), process()
    fakes.stamps.advance(seconds=KEY_LIFETIME_S)

    # Both find the key too old at the same time: one of them makes the next.
    before = [await one.sign_in(ADA, SECRET) for one in (here, there)]
    old = {jwt.get_unverified_header(one.access_token)["kid"] for one in (tokens, *before)}
    assert len(old) == 1
    async with asyncio.timeout(HEARD_S):
        while len(there.jwks()["keys"]) < 2:
            there.verify(before[0].access_token)
            await asyncio.sleep(0.01)
    fakes.stamps.advance(seconds=KEY_NOTICE_S)
    after = [await one.sign_in(ADA, SECRET) for one in (here, there)]

    new = {jwt.get_unverified_header(one.access_token)["kid"] for one in after}
    assert len(new) == 1
    assert new != old
    for one in (here, there):
        for signed in (*before, *after):
            one.verify(signed.access_token)
    fakes.stamps.advance(seconds=ACCESS_LIFETIME_S)
    assert len(here.jwks()["keys"]) == 1


async def test_a_refresh_token_used_at_two_processes_at_once_counts_once(
    process: Process, tokens: Tokens
) -> None:
    processes = [process() for _ in range(4)]

    outcomes = await asyncio.gather(
        *(one.refresh(tokens.refresh_token) for one in processes), return_exceptions=True
    )

    assert sum(isinstance(outcome, NotSignedIn) for outcome in outcomes) == 3
    for one in processes:
        await refused_soon(one, tokens.access_token)


async def test_no_session_outlives_a_password_that_is_changed_elsewhere(
    process: Process, tokens: Tokens
) -> None:
    here, there = process(), process()

    async def sign_in() -> Tokens | None:
        try:
            return await there.sign_in(ADA, SECRET)
        except WrongCredentials:
            return None

    attempts = [asyncio.create_task(sign_in()) for _ in range(20)]
    await here.reset_password(ADA, OTHER)
    opened = [one for one in await asyncio.gather(*attempts) if one is not None]

    for one in (tokens, *opened):
        with pytest.raises(NotSignedIn):
            await here.refresh(one.refresh_token)
    await there.sign_in(ADA, OTHER)


async def test_of_two_changes_of_a_password_the_second_needs_the_new_one(
    process: Process, tokens: Tokens
) -> None:
    here, there = process(), process()

    outcomes = await asyncio.gather(
        *(
            one.set_password(ADA, current=SECRET, new=new, session_id="")
            for one, new in ((here, OTHER), (there, OTHER + OTHER))
        ),
        return_exceptions=True,
    )

    assert {type(outcome) for outcome in outcomes} == {type(None), WrongCredentials}


async def test_what_has_expired_is_forgotten(
    fakes: Fakes, process: Process, tokens: Tokens, database: Database, namespace: str
) -> None:
    provider = process()
    await provider.refresh(tokens.refresh_token)
    fakes.stamps.advance(seconds=REFRESH_LIFETIME_S + ACCESS_LIFETIME_S)

    await provider.sign_in(ADA, SECRET)

    for table in ("sessions", "refresh_tokens"):
        rows = await database.rows(f"SELECT count(*) FROM {namespace}.{table}")  # noqa: S608
        assert rows == [(1,)]


async def test_neither_passwords_nor_refresh_tokens_are_in_the_tables(
    process: Process, tokens: Tokens, database: Database, namespace: str
) -> None:
    content = ""
    for table in ("passwords", "sessions", "refresh_tokens"):
        content += str(await database.rows(f"SELECT t::text FROM {namespace}.{table} t"))  # noqa: S608

    assert "argon2id" in content
    assert SECRET not in content
    assert tokens.refresh_token not in content
    assert tokens.refresh_token.encode().hex() not in content


async def test_who_hears_nothing_for_too_long_verifies_no_more(
    process: Process, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = process()
    provider.verify(tokens.access_token)

    monkeypatch.setattr(module, "TRUST_S", -1)

    with pytest.raises(Unavailable):
        provider.verify(tokens.access_token)


async def test_no_server_is_told_as_unavailable(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgresql.database.CONNECT_S", 1)
    nowhere = Database(NOWHERE)
    store = PostgresqlIdentityStore(nowhere, NOWHERE)

    with pytest.raises(Unavailable):
        LocalIdentity(store, log=fakes.log, refusals=fakes.refusals)
    for attempt in (store.password(BOB), store.drop_password(BOB)):
        with pytest.raises(Unavailable):
            await attempt
    store.close()
    await nowhere.close()
