"""Local identity: the contract, and what only a local provider can get wrong."""

import asyncio
import sqlite3
import stat
import threading
import time
import timeit
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import jwt
import pytest
from argon2 import PasswordHasher

from commands.ports import Tokens
from domain.errors import Invalid, NotSignedIn, Unavailable, WrongCredentials
from domain.ids import AccountId
from infra.local_identity import LocalIdentity
from infra.local_identity.passwords import Cost
from infra.local_identity.signing_keys import KEY_LIFETIME_S
from infra.sqlite import identity as module
from infra.sqlite.identity import SqliteIdentityStore
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
HELD_MAX_S = 60.0


@contextmanager
def hashing_held() -> Iterator[threading.Semaphore]:
    """No hash that is begun in here comes to its end in here, unless that would be for ever. Each
    that is begun releases what is given."""
    free, begun, hashed = threading.Event(), threading.Semaphore(0), PasswordHasher.hash

    def held(hasher: PasswordHasher, password: bytes) -> str:
        begun.release()
        free.wait(HELD_MAX_S)
        return hashed(hasher, password)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PasswordHasher, "hash", held)
        try:
            yield begun
        finally:
            free.set()


class Opened:
    """Opens providers on one file, as often and however a test likes."""

    def __init__(self, path: Path, fakes: Fakes) -> None:
        self._path = path
        self._fakes = fakes
        self.all: list[LocalIdentity] = []

    def __call__(
        self,
        *,
        cost: Cost = CHEAP,
        hashes_waiting_max: int = 100,
        issuer: str = "starling",
        audience: str = "starling",
    ) -> LocalIdentity:
        provider = LocalIdentity(
            SqliteIdentityStore(self._path),
            log=self._fakes.log,
            refusals=self._fakes.refusals,
            clock=lambda: self._fakes.stamps.now_ms / 1000,
            cost=cost,
            hashing_threads=2,
            hashes_waiting_max=hashes_waiting_max,
            issuer=issuer,
            audience=audience,
        )
        self.all.append(provider)
        return provider


class TestLocalIdentity(IdentityContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "identity.db"

    @pytest.fixture
    def reopen(self, path: Path, fakes: Fakes) -> Iterator[Opened]:
        opened = Opened(path, fakes)
        yield opened
        for provider in opened.all:
            provider.close()

    @pytest.fixture
    def provider(self, reopen: Opened) -> LocalIdentity:
        return reopen()

    async def test_tokens_of_another_issuer_or_audience_are_refused(
        self, provider: LocalIdentity, tokens: Tokens, reopen: Opened
    ) -> None:
        for elsewhere in (reopen(audience="elsewhere"), reopen(issuer="elsewhere")):
            theirs = await elsewhere.sign_in(ADA, SECRET)

            with pytest.raises(NotSignedIn):
                provider.verify(theirs.access_token)
            with pytest.raises(NotSignedIn):
                elsewhere.verify(tokens.access_token)

    async def test_a_rotated_key_verifies_until_its_tokens_have_expired(
        self, fakes: Fakes, provider: LocalIdentity, tokens: Tokens, reopen: Opened
    ) -> None:
        await provider.rotate_signing_key()
        newer = await provider.sign_in(ADA, SECRET)

        for verifier in (provider, reopen()):
            verifier.verify(tokens.access_token)
            verifier.verify(newer.access_token)
            assert len(verifier.jwks()["keys"]) == 2

        fakes.stamps.advance(seconds=ACCESS_LIFETIME_S)
        for verifier in (provider, reopen()):
            assert len(verifier.jwks()["keys"]) == 1

    async def test_an_old_key_is_replaced_by_itself(
        self, fakes: Fakes, provider: LocalIdentity, tokens: Tokens
    ) -> None:
        fakes.stamps.advance(seconds=KEY_LIFETIME_S)

        newer = await provider.sign_in(ADA, SECRET)

        kids = [jwt.get_unverified_header(t.access_token)["kid"] for t in (tokens, newer)]
        assert kids[0] != kids[1]
        provider.verify(newer.access_token)

    async def test_neither_passwords_nor_refresh_tokens_are_in_the_file(
        self, path: Path, provider: LocalIdentity, tokens: Tokens
    ) -> None:
        await provider.refresh(tokens.refresh_token)

        for file in path.parent.glob("identity.db*"):
            content = file.read_bytes()
            assert SECRET.encode() not in content
            assert tokens.refresh_token.encode() not in content
            assert tokens.access_token.encode() not in content
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async def test_passwords_cost_what_owasp_recommends(self, path: Path, fakes: Fakes) -> None:
        store = SqliteIdentityStore(path)
        with closing(LocalIdentity(store, log=fakes.log, refusals=fakes.refusals)) as provider:
            await provider.enroll(ADA, SECRET)

        with closing(sqlite3.connect(path)) as file:
            [(kept,)] = file.execute("SELECT hash FROM passwords")
        assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    async def test_a_password_is_hashed_again_when_the_cost_changed(
        self, path: Path, provider: LocalIdentity, tokens: Tokens, reopen: Opened
    ) -> None:
        dearer = reopen(cost=Cost(passes=2, memory_kib=16))

        await dearer.sign_in(ADA, SECRET)

        with closing(sqlite3.connect(path)) as file:
            [(kept,)] = file.execute("SELECT hash FROM passwords")
        assert "m=16,t=2" in kept
        await provider.sign_in(ADA, SECRET)

    async def test_an_unknown_account_takes_as_long_as_a_wrong_password(
        self, reopen: Opened
    ) -> None:
        provider = reopen(cost=Cost(passes=2, memory_kib=8 * 1024))
        await provider.enroll(ADA, SECRET)

        times: dict[AccountId | None, list[float]] = {ADA: [], BOB: [], None: []}
        for _ in range(10):
            for account_id, taken in times.items():
                # What others do on the machine takes no time of this process.
                started = time.process_time()
                with pytest.raises(WrongCredentials):
                    await provider.sign_in(account_id, OTHER)
                taken.append(time.process_time() - started)

        known, *others = [min(taken) for taken in times.values()]
        # Without a hash it would be a hundred times less; the margin is for busy caches.
        assert all(known / 4 < other < known * 4 for other in others)

    async def test_hashing_leaves_the_event_loop_free(self, reopen: Opened) -> None:
        provider = reopen()

        with hashing_held():
            enrolling = asyncio.create_task(provider.enroll(ADA, SECRET))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not enrolling.done()

        await enrolling

    async def test_too_many_hashes_at_once_are_put_off(self, reopen: Opened) -> None:
        provider = reopen(cost=Cost(passes=2, memory_kib=4 * 1024), hashes_waiting_max=4)

        outcomes = await asyncio.gather(
            *(provider.enroll(ADA, SECRET) for _ in range(50)), return_exceptions=True
        )

        assert {type(outcome) for outcome in outcomes} == {type(None), Unavailable}
        assert sum(outcome is None for outcome in outcomes) >= 4
        await provider.sign_in(ADA, SECRET)

    async def test_who_hangs_up_makes_no_room(self, reopen: Opened) -> None:
        provider = reopen(hashes_waiting_max=2)
        with hashing_held() as begun:
            hanging_up = [asyncio.create_task(provider.enroll(ADA, SECRET)) for _ in range(2)]
            for _ in hanging_up:
                assert await asyncio.to_thread(begun.acquire, timeout=HELD_MAX_S)

            for task in hanging_up:
                task.cancel()
            await asyncio.gather(*hanging_up, return_exceptions=True)

            with pytest.raises(Unavailable):
                await provider.enroll(ADA, SECRET)

    async def test_an_administrator_can_set_a_password_while_the_server_runs(
        self,
        provider: LocalIdentity,
        tokens: Tokens,
        reopen: Opened,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "NOTICE_S", 0)
        provider.verify(tokens.access_token)
        command_line = reopen()

        with pytest.raises(Invalid):
            await command_line.reset_password(ADA, "short")
        await command_line.reset_password(ADA, OTHER)
        await command_line.reset_password(BOB, OTHER)

        await provider.sign_in(ADA, OTHER)
        await provider.sign_in(BOB, OTHER)
        with pytest.raises(NotSignedIn):
            provider.verify(tokens.access_token)

    async def test_a_password_that_was_changed_meanwhile_opens_no_session(
        self, path: Path, provider: LocalIdentity
    ) -> None:
        await provider.enroll(ADA, SECRET)
        await provider.enroll(BOB, OTHER)
        signing_in = asyncio.create_task(provider.sign_in(ADA, SECRET))
        await asyncio.sleep(0)  # it hashes now, and cannot go on before we wait

        with closing(sqlite3.connect(path)) as other, other:
            other.execute(
                "UPDATE passwords SET hash = (SELECT hash FROM passwords WHERE account_id = ?)"
                " WHERE account_id = ?",
                (BOB, ADA),
            )

        with pytest.raises(WrongCredentials):
            await signing_in

    async def test_of_two_uses_of_one_refresh_token_at_once_at_most_one_counts(
        self, provider: LocalIdentity, tokens: Tokens
    ) -> None:
        outcomes = await asyncio.gather(
            *(provider.refresh(tokens.refresh_token) for _ in range(2)), return_exceptions=True
        )

        assert sum(isinstance(outcome, NotSignedIn) for outcome in outcomes) == 1
        with pytest.raises(NotSignedIn):
            provider.verify(tokens.access_token)

    async def test_what_has_expired_is_forgotten(
        self, path: Path, fakes: Fakes, provider: LocalIdentity, tokens: Tokens
    ) -> None:
        await provider.refresh(tokens.refresh_token)
        fakes.stamps.advance(seconds=REFRESH_LIFETIME_S + ACCESS_LIFETIME_S)

        await provider.sign_in(ADA, SECRET)

        with closing(sqlite3.connect(path)) as file:
            assert file.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
            assert file.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (1,)

    def test_a_broken_file_is_unavailable(self, path: Path, reopen: Opened) -> None:
        path.write_bytes(b"this is no database" * 100)

        with pytest.raises(Unavailable):
            reopen()

    async def test_a_verified_token_costs_microseconds(
        self, provider: LocalIdentity, tokens: Tokens
    ) -> None:
        rounds = 2_000

        best = min(
            timeit.repeat(
                lambda: provider.verify(tokens.access_token),
                number=rounds,
                timer=time.thread_time,
            )
        )

        assert best / rounds < 30e-6
