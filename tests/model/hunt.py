"""A program that lets the model test look for a disagreement within bounds, always in the same way:
`python -m tests.model.hunt EXAMPLES STEPS`. Prints it and exits with FOUND, or exits with 0.
"""

import sys
from pathlib import Path

import infra
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.looking import Disagreement
from tests.model.steps import Steps

FOUND = 3


def main(examples: int, steps: int) -> int:
    """The exit status. Any other exception than a disagreement is left to surface."""
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        derandomize=True,
    )
    sys.stdout.write(f"hunting in {Path(infra.__path__[0]).parent}\n")
    try:
        run_state_machine_as_test(Steps, settings=bounds)
    except Disagreement as disagreement:
        sys.stdout.write(f"{disagreement}\n")
        return FOUND
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
