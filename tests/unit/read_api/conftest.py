"""A world to read, for every test of a resource."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.read_world import ReadWorld


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[ReadWorld]:
    opened = ReadWorld(tmp_path)
    await opened.given_people()
    yield opened
    opened.close()
