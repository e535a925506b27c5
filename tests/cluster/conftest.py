"""What runs on the engines is marked so."""

from pathlib import Path
from typing import Final

import pytest

from tests.cluster.local import FIRST_START_S

HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the engines, and may be what waits for their first download."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.slow)
            # Torture lasts as long as it lasts: it says so for a module, which counts less.
            if item.get_closest_marker("torture") is None:
                item.add_marker(pytest.mark.timeout(FIRST_START_S))
