"""The rules of handles, profiles and the life of an account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import accounts
from domain.errors import AccountNotFound, HandleTaken, Invalid
from domain.events import (
    AccountClosed,
    AccountOpened,
    Fact,
    HandleClaimed,
    HandleReleased,
    Profile,
    ProfileChanged,
    Recorded,
    RoleGranted,
)
from domain.ids import AccountId, EventId

ADA = AccountId(7)
OPENED = AccountOpened(
    event_id=EventId(ADA), actor_id=ADA, handle_key="key", personal=Profile("ada", "Ada")
)
CHANGED = ProfileChanged(
    event_id=EventId(8), actor_id=ADA, personal=Profile("ada", "Countess", "Notes")
)
CLOSED = AccountClosed(event_id=EventId(9), actor_id=ADA)
CLAIMED = HandleClaimed(event_id=EventId(10), actor_id=ADA, handle_key="key")
RELEASED = HandleReleased(event_id=EventId(11), actor_id=ADA, handle_key="key")


def history(*events: Fact) -> list[Recorded]:
    return [Recorded(event, version, version) for version, event in enumerate(events, start=1)]


def pointers(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [pointer for pointer, _ in refused.value.errors]


@pytest.mark.parametrize("handle", ["a", "_", "Ada_Lovelace_1815", "0", "x" * 20])
def test_a_handle_has_letters_digits_and_underscores(handle: str) -> None:
    assert accounts.opening_profile(handle).handle == handle


@pytest.mark.parametrize(
    "handle",
    [
        "",
        "x" * 21,
        "ada lovelace",
        "ada-l",
        "@ada",
        "ada\n",
        "adä",
        "ada\0",
        "\u212aate",
        "a.b",
        "٣",
    ],
)
def test_nothing_else_is_a_handle(handle: str) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.opening_profile(handle)

    assert pointers(refused) == ["/handle"]


@pytest.mark.parametrize("name", ["", " ", "\u3000"])
def test_a_blank_display_name_shows_the_handle(name: str) -> None:
    assert accounts.opening_profile("ada", name) == Profile("ada", "ada")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=50))
def test_a_display_name_is_kept_as_it_was_written(name: str) -> None:
    shown = accounts.opening_profile("ada", name).display_name

    assert shown == (name if name.strip() else "ada")


@pytest.mark.parametrize(
    ("name", "bio", "wrong"),
    [
        ("x" * 51, "", ["/display_name"]),
        ("a\0b", "", ["/display_name"]),
        ("two\nlines", "", ["/display_name"]),
        ("ends\n", "", ["/display_name"]),
        ("Ada", "x" * 161, ["/bio"]),
        ("Ada", "a\0b", ["/bio"]),
        ("x" * 51, "a\0b", ["/display_name", "/bio"]),
    ],
)
def test_a_profile_has_limits(name: str, bio: str, wrong: list[str]) -> None:
    with pytest.raises(Invalid) as at_opening:
        accounts.opening_profile("ada", name, bio)
    with pytest.raises(Invalid) as at_change:
        accounts.changed_profile(Profile("ada", "Ada"), display_name=name, bio=bio)

    assert pointers(at_opening) == pointers(at_change) == wrong


def test_a_bio_may_have_lines_and_the_full_length() -> None:
    bio = "one\ntwo" + "x" * 153

    assert accounts.opening_profile("ada", "x" * 50, bio).bio == bio


def test_a_change_leaves_the_rest() -> None:
    before = Profile("ada", "Ada", "Notes")

    assert accounts.changed_profile(before, display_name="A", bio=None) == Profile(
        "ada", "A", "Notes"
    )
    assert accounts.changed_profile(before, display_name=None, bio="") == Profile("ada", "Ada", "")
    assert accounts.changed_profile(before, display_name=" ", bio=None) == Profile(
        "ada", "ada", "Notes"
    )


@pytest.mark.parametrize("password", ["x" * 8, "x" * 1_024, "密码密码密码密码", " " * 8])
def test_a_password_has_8_to_1024_characters(password: str) -> None:
    accounts.check_password(password)


@pytest.mark.parametrize("password", ["", "x" * 7, "x" * 1_025])
def test_no_other_length_is_a_password(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.check_password(password, "/new_password")

    assert pointers(refused) == ["/new_password"]


def test_the_life_of_an_account() -> None:
    assert accounts.fold([]) is None

    opened = accounts.found(accounts.fold(history(OPENED)))
    assert (opened.account_id, opened.profile, opened.handle_key) == (
        ADA,
        Profile("ada", "Ada"),
        "key",
    )

    changed = accounts.found(accounts.fold(history(OPENED, CHANGED)))
    assert (changed.profile.display_name, changed.version) == ("Countess", 2)

    closed = accounts.fold(history(OPENED, CHANGED, CLOSED))
    assert closed is not None
    assert closed.closed
    with pytest.raises(AccountNotFound):
        accounts.found(closed)


def test_the_latest_event_alone_shows_the_profile() -> None:
    assert accounts.shown(history(OPENED)[-1]) == (Profile("ada", "Ada"), 1)
    assert accounts.shown(history(OPENED, CHANGED)[-1]) == (CHANGED.personal, 2)
    for latest in (None, history(OPENED, CLOSED)[-1]):
        with pytest.raises(AccountNotFound):
            accounts.shown(latest)


def test_a_handle_is_free_before_its_claim_and_after_its_release() -> None:
    assert accounts.free_version(None) == 0
    assert accounts.free_version(history(CLAIMED, RELEASED)[-1]) == 2
    with pytest.raises(HandleTaken):
        accounts.free_version(history(CLAIMED)[-1])


def test_only_roles_that_exist_are_granted() -> None:
    granted = [
        RoleGranted(event_id=EventId(n), actor_id=AccountId(0), account_id=ADA, role=role)
        for n, role in enumerate(["admin", "emperor"])
    ]

    assert accounts.roles(history(*granted)) == {"admin"}
    assert accounts.roles([]) == frozenset()
