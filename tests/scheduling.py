"""Which tests of a run stay together in one process, and which begin first.

A file is a unit: what its tests share is made once. Long ones that share nothing are units by
themselves, and all that ask the server on the engines are one: its programs are started once. The
long units begin first, those that wait for engines in turn with those that compute, so that the
run's end is filled by short ones.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ON_ENGINES: Final = "tests/blackbox on the engines"
_OF_CLUSTER: Final = re.compile(r"tests/blackbox/.*[\[-]cluster[\]-]")
ONE_BY_ONE: Final = ("tests/model/", "tests/fuzz/", "tests/embedded/test_import_of_real_data.py")

# The beginnings of the names of long units, the longest of each kind first.
WAITING: Final = (
    ON_ENGINES,
    "tests/cluster/test_end_to_end.py",
    "tests/cluster/test_replay.py",
    "tests/cluster/",
)
COMPUTING: Final = (
    "tests/model/test_faults.py",
    "tests/model/",
    "tests/fuzz/",
    "tests/browser/",
    "tests/crash/",
    "tests/embedded/",
)


class Units(LoadScopeScheduling):  # type: ignore[misc]  # it has no type hints
    """Hands out whole units, in the order of the collected tests. Of a process that died, the test
    that it died of has failed, and others run what it had not begun."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Forget a process; the test that it died of, None where it had nothing left to run.

        xdist's own (3.8) hands out again also the units that were finished, and then waits forever
        for a unit without tests; and it hands out again the test that killed the process.
        """
        given = self.assigned_work.pop(node)
        left = {unit: tests for unit, tests in given.items() if not all(tests.values())}
        if not left:
            return None
        unit, tests = next(iter(left.items()))
        died_of: str = next(test for test, done in tests.items() if not done)
        tests[died_of] = True
        if all(tests.values()):
            del left[unit]
        self.workqueue.update(left)
        for other in self.assigned_work:
            self._reschedule(other)
        return died_of

    def schedule(self) -> None:
        """Also a process that begins late gets two units: it runs a test when it knows the next."""
        super().schedule()
        for node in self.nodes:
            self._reschedule(node)


def unit_of(test: str) -> str:
    """The unit that a test belongs to."""
    if _OF_CLUSTER.match(test):
        return ON_ENGINES
    if test.startswith(ONE_BY_ONE):
        return test
    return test.partition("::")[0]


def in_order(units: Iterable[str]) -> Sequence[str]:
    """Each unit once, in the order in which they begin."""
    left = dict.fromkeys(units)
    waiting, computing = list(_taken(left, WAITING)), list(_taken(left, COMPUTING))
    turns = zip_longest(waiting, computing)
    return [*(unit for turn in turns for unit in turn if unit is not None), *left]


def _taken(units: dict[str, None], beginnings: Iterable[str]) -> Iterator[str]:
    """Take those with these beginnings, in the order of the beginnings."""
    for beginning in beginnings:
        for unit in [unit for unit in units if unit.startswith(beginning)]:
            del units[unit]
            yield unit
