"""A program that lets the model test look for a disagreement within bounds, always in the same way:
`python -m tests.model.hunt SEEDS EXAMPLES STEPS [FIRST]`. Prints it and exits with FOUND, or exits
with 0. Of the seeds FIRST comes first.
"""

import sys
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import infra
from tests.model.looking import Disagreement
from tests.model.steps import seeded

FOUND: Final = 3


def main(seeds: int, examples: int, steps: int, first: int = 0) -> int:
    """The exit status. Any other exception than a disagreement is left to surface."""
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        deadline=None,
        database=None,
        derandomize=False,
    )
    found = seed = 0
    sys.stdout.write(f"hunting in {Path(infra.__path__[0]).parent}\n")
    try:
        # Several beginnings: what one run of Hypothesis draws is much alike.
        for number in sorted(range(seeds), key=lambda seed: seed != first):
            seed = number
            run_state_machine_as_test(seeded(number), settings=bounds)
    except* Disagreement as disagreements:
        sys.stdout.write(f"with seed {seed}: {disagreements.exceptions[0]}\n")
        found = FOUND
    return found


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
