"""A folder whose views have everything, to be tampered with."""

import asyncio
import shutil
from pathlib import Path

import pytest

from infra.profiles.embedded import Embedded
from infra.settings import Settings
from tests.contract.refusals_contract import write
from tests.verified_town import happened, history


@pytest.fixture(scope="session")
def sound_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose views have everything."""
    folder = tmp_path_factory.mktemp("town") / "data"
    recorded = history()
    assert len(happened(recorded)) > 25

    async def fill() -> None:
        await write(embedded.log, recorded)
        await embedded.runner.catch_up()

    with Embedded(Settings(data=str(folder)), crashed=unexpected) as embedded:
        asyncio.run(fill())
    return folder


@pytest.fixture
def data(sound_town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which the command line finds."""
    folder = tmp_path / "data"
    shutil.copytree(sound_town, folder)
    monkeypatch.setenv("STARLING_DATA", str(folder))
    monkeypatch.setenv("STARLING_ARGON2_COST", "lowest")
    return folder


def unexpected(projection: str, error: BaseException) -> None:
    raise AssertionError(projection) from error
