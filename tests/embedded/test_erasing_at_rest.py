"""Erasing where no server runs: who is meant, and what follows the log only later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.close_account import CloseAccount, close_account
from commands.open_account import OpenAccount, open_account
from commands.post_tweet import PostTweet, post_tweet
from domain.errors import AccountNotFound, Unavailable
from domain.ids import AccountId
from infra.control.operator import Operator
from infra.control.requests import Erased, ErasePerson
from infra.erasing import account_named
from infra.importing.recording import give
from infra.importing.tally import Progress
from infra.profiles.embedded import Embedded
from infra.replaying import replay
from infra.settings import Settings
from projections.account_directory import ACCOUNT_DIRECTORY
from projections.post_cards import POST_CARDS
from streams.dead_letters import Build, Parked

WORD = "qwortig"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path / "data"), argon2_cost="lowest", sample="0")


@pytest.fixture
def embedded(settings: Settings) -> Iterator[Embedded]:
    def crashed(projection: str, error: BaseException) -> None:
        raise AssertionError(f"{projection} stopped") from error

    with Embedded(settings, crashed=crashed) as embedded:
        yield embedded


@pytest.fixture
async def ada(embedded: Embedded) -> AccountId:
    await give(open_account, OpenAccount(handle="ada", display_name=WORD), embedded.ports)
    account_id = await account_named("ada", embedded.ports)
    await give(post_tweet, PostTweet(author_id=account_id, text=WORD), embedded.ports)
    return account_id


async def erase(embedded: Embedded, account: str) -> Erased:
    def unheard(_progress: Progress) -> None:
        """It is over in a moment."""

    erased = await Operator(embedded).perform(ErasePerson(account), unheard)
    assert isinstance(erased, Erased)
    return erased


async def test_a_person_is_meant_by_handle_or_id(embedded: Embedded, ada: AccountId) -> None:
    for named in ("ada", "@ADA", str(ada)):
        assert await account_named(named, embedded.ports) == ada
    await give(open_account, OpenAccount(handle="123"), embedded.ports)
    assert await account_named("@123", embedded.ports) > ada
    assert await account_named("123", embedded.ports) == 123
    for nobody in ("bob", "@1234"):
        with pytest.raises(AccountNotFound):
            await account_named(nobody, embedded.ports)
    with pytest.raises(AccountNotFound):
        await erase(embedded, "123")


async def test_who_closed_their_account_is_found_by_the_handle_until_another_has_it(
    embedded: Embedded, ada: AccountId
) -> None:
    await give(close_account, CloseAccount(account_id=ada), embedded.ports)
    assert await account_named("ada", embedded.ports) == ada

    await give(open_account, OpenAccount(handle="ada"), embedded.ports)

    assert await account_named("ada", embedded.ports) > ada


async def test_the_key_is_gone_and_nothing_can_be_sealed_with_another(
    embedded: Embedded, ada: AccountId
) -> None:
    erased = await erase(embedded, "ada")

    assert erased.complete
    assert (erased.events, erased.unreadable, erased.readable) == (5, 2, 0)
    with pytest.raises(Unavailable):
        embedded.keyring.seal(ada, b"more")


async def test_a_generation_that_is_being_built_has_nothing_either(
    embedded: Embedded, ada: AccountId, settings: Settings
) -> None:
    building = await replay(settings, POST_CARDS, lambda _rebuilt: None)
    path = embedded.folder.projection(*building[:3])
    stale = embedded.folder.projection(ACCOUNT_DIRECTORY.name, 999, 1)
    stale.write_bytes(WORD.encode())
    assert _has_word(path)

    erased = await erase(embedded, "ada")

    assert not _has_word(path)
    assert erased.removed["stale_files"] == 1
    assert not stale.exists()


async def test_a_letter_that_is_still_parked_is_told(embedded: Embedded, ada: AccountId) -> None:
    build = Build(POST_CARDS.name, POST_CARDS.version, 1)
    await embedded.dead_letters.park([Parked(build, 0, 3, ada, f"cannot take {WORD}")])

    erased = await erase(embedded, "ada")

    (letter,) = await embedded.dead_letters.parked(None, 10)
    assert letter.requested == "discard"
    assert erased.left["dead_letters"] == 1
    assert not erased.complete


def _has_word(path: Path) -> bool:
    files = (path, path.with_name(f"{path.name}-wal"))
    return any(WORD.encode() in file.read_bytes() for file in files if file.exists())
