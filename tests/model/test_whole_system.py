"""The whole embedded profile against a plain model of the product."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.steps import Steps


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_the_system_is_the_product_at_every_quiet_point() -> None:
    examples = max(300, settings.default.max_examples)
    run_state_machine_as_test(Steps, settings=settings(max_examples=examples, stateful_step_count=50))
