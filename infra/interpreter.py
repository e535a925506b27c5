"""Python's own settings, for a process that serves or works through much."""

import gc
import sys
from typing import Final

# Threads take turns at the interpreter. Where one of them answers somebody, turns are short: a
# request need not wait each time that another one computes. Where nobody is answered, they only
# hand work on to each other, and are to finish it: short turns may double what a replay takes.
_ANSWERING_TURN_S: Final = 0.0005
_WORKING_TURN_S: Final = 0.05
# Next to nothing here is garbage that reference counts leave behind, but much is kept for long
# (events, cards): to look through that as often as Python does took a sixth of a command's time.
COLLECT_AFTER: Final = (50_000, 20, 50)


def tune(*, answers: bool = False) -> None:
    """Set them, for a process that answers others or not; what is there by now is never looked
    through again."""
    sys.setswitchinterval(_ANSWERING_TURN_S if answers else _WORKING_TURN_S)
    gc.set_threshold(*COLLECT_AFTER)
    gc.freeze()
