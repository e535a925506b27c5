"""What every keyring must do, whatever keeps its keys."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol

import pytest

from commands.ports import Handles
from domain.errors import Unavailable
from domain.ids import AccountId
from streams.envelope import Erased, Keyring

ADA, BOB = AccountId(1), AccountId(2)
WORDS = b"an unmistakable confession"


class WholeKeyring(Keyring, Handles, Protocol):
    """A keyring with what imports and erasure need of it."""

    def ensure(self, person_ids: Iterable[AccountId]) -> None: ...

    def destroy(self, person_id: AccountId) -> None: ...


Reopen = Callable[[], WholeKeyring]


class KeyringContract(ABC):
    """Subclass with both fixtures; `reopen` makes another keyring on the same keys."""

    @pytest.fixture
    @abstractmethod
    def keyring(self) -> WholeKeyring: ...

    @pytest.fixture
    @abstractmethod
    def reopen(self) -> Reopen: ...

    def test_what_was_sealed_can_be_opened(self, keyring: WholeKeyring) -> None:
        for clear in (b"", WORDS, WORDS * 1_000):
            assert keyring.open(ADA, keyring.seal(ADA, clear)) == clear

    def test_what_was_sealed_shows_nothing_and_never_looks_the_same(
        self, keyring: WholeKeyring
    ) -> None:
        sealed = {keyring.seal(ADA, WORDS) for _ in range(100)}

        assert len(sealed) == 100
        assert not any(WORDS[:6] in one for one in sealed)

    def test_nobody_elses_key_opens_it(self, keyring: WholeKeyring) -> None:
        keyring.seal(BOB, WORDS)

        with pytest.raises(ValueError, match="not sealed with this person's key"):
            keyring.open(BOB, keyring.seal(ADA, WORDS))

    def test_changed_bytes_are_refused(self, keyring: WholeKeyring) -> None:
        sealed = keyring.seal(ADA, WORDS)

        for at in range(len(sealed)):
            changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
            with pytest.raises(ValueError, match="not sealed"):
                keyring.open(ADA, changed)
        for length in range(len(sealed)):
            with pytest.raises(ValueError, match="not sealed"):
                keyring.open(ADA, sealed[:length])

    def test_keys_are_there_after_a_restart(self, keyring: WholeKeyring, reopen: Reopen) -> None:
        sealed = keyring.seal(ADA, WORDS)

        assert reopen().open(ADA, sealed) == WORDS

    def test_a_destroyed_key_erases_for_ever(self, keyring: WholeKeyring, reopen: Reopen) -> None:
        sealed = keyring.seal(ADA, WORDS)

        keyring.destroy(ADA)

        for after in (keyring, reopen()):
            after.ensure([ADA])
            with pytest.raises(Erased):
                after.open(ADA, sealed)
            with pytest.raises(Unavailable):
                after.seal(ADA, WORDS)

    def test_erasing_one_person_leaves_the_others(
        self, keyring: WholeKeyring, reopen: Reopen
    ) -> None:
        sealed = keyring.seal(BOB, WORDS)

        keyring.destroy(ADA)

        assert reopen().open(BOB, sealed) == WORDS

    def test_a_person_can_be_erased_twice_and_before_having_a_key(
        self, keyring: WholeKeyring
    ) -> None:
        keyring.destroy(ADA)
        keyring.destroy(ADA)

        with pytest.raises(Unavailable):
            keyring.seal(ADA, WORDS)

    def test_a_missing_key_is_never_taken_for_an_erasure(self, keyring: WholeKeyring) -> None:
        with pytest.raises(Unavailable):
            keyring.open(ADA, b"\x01" + bytes(60))

    def test_keys_made_in_bulk_are_kept_and_replace_none(
        self, keyring: WholeKeyring, reopen: Reopen
    ) -> None:
        sealed = keyring.seal(ADA, WORDS)
        people = [AccountId(n) for n in range(1, 2_000)]

        keyring.ensure(people)
        reopen().ensure(people)

        assert reopen().open(ADA, sealed) == WORDS
        for person in people[-3:]:
            keyring.seal(person, WORDS)

    def test_a_handle_has_one_key_in_any_case_and_after_a_restart(
        self, keyring: WholeKeyring, reopen: Reopen
    ) -> None:
        key = keyring.key_of("Ada_1")

        assert keyring.key_of("aDA_1") == key
        assert reopen().key_of("ada_1") == key
        assert keyring.key_of("ada_2") != key
        assert "ada" not in key.lower()
