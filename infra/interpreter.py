"""Python's own settings, for a process that serves or works through much."""

import gc
import sys
from typing import Final

# The projections' thread and the server's share one interpreter lock: a shorter turn keeps
# requests from waiting 5 ms each time the other one computes.
SWITCH_INTERVAL_S: Final = 0.0005
# Next to nothing here is garbage that reference counts leave behind, but much is kept for long
# (events, cards): to look through that as often as Python does took a sixth of a command's time.
COLLECT_AFTER: Final = (50_000, 20, 50)


def tune() -> None:
    """Set them; what is there by now is never looked through again."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER)
    gc.freeze()
