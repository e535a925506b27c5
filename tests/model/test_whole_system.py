"""The whole embedded profile is the product: in histories of 50 steps, at every quiet point."""

from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.steps import Steps, seeded

HISTORIES_MIN: Final = 300
STEPS: Final = 50
# So that several processes share the work.
PARTS: Final = 6


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_system_is_the_product(part: int) -> None:
    profile = settings()
    bounds = settings(
        max_examples=max(HISTORIES_MIN, profile.max_examples) // PARTS,
        stateful_step_count=STEPS,
        suppress_health_check=list(HealthCheck),
    )
    steps = seeded(part) if profile.derandomize else Steps

    run_state_machine_as_test(steps, settings=bounds)
