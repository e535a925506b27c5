"""A replay that several processes share."""

import os
import signal

import pytest

from domain.errors import Unavailable
from infra.profiles.replay_shares import Ends, Report, Work, fill_in_processes, shares
from streams.rebuild import Cancelled, Course, Rebuilt

ENDS = {1: 10, 2: 40, 3: 20, 4: 30, 5: 5}


async def fill(_given: str, ends: Ends, report: Report) -> None:
    total = sum(ends.values())
    for done in range(total + 1):
        report(Rebuilt(done, total, 0, 1.0))


async def refuse(reason: str, ends: Ends, _report: Report) -> None:
    if 2 in ends:
        raise Unavailable(reason)


async def die(_given: str, ends: Ends, _report: Report) -> None:
    if 2 in ends:
        os.kill(os.getpid(), signal.SIGKILL)


async def be_cancelled(_given: str, ends: Ends, _report: Report) -> None:
    if 2 in ends:
        raise Cancelled


class Noting:
    """A helm that notes what it is told, and may stop all."""

    def __init__(self, *, stops: bool = False) -> None:
        self.told: list[Rebuilt] = []
        self._stops = stops

    async def course(self, rebuilt: Rebuilt) -> Course:
        self.told.append(rebuilt)
        if self._stops:
            raise Cancelled
        return Course()


def test_partitions_are_dealt_out_the_longest_first() -> None:
    assert shares(ENDS, 2) == [{2: 40, 3: 20, 5: 5}, {4: 30, 1: 10}]
    assert shares({1: 10}, 3) == [{1: 10}]


async def test_what_all_of_them_have_done_is_told() -> None:
    told: list[Rebuilt] = []

    await fill_in_processes(Work(fill, ""), ENDS, 2, told.append)

    assert told[-1][:3] == (105, 105, 0)
    assert sorted(told, key=lambda one: one.done) == told


async def test_what_one_of_them_is_told_to_stop_for_stops_all() -> None:
    with pytest.raises(Cancelled):
        await fill_in_processes(Work(be_cancelled, ""), ENDS, 2, lambda _: None)


async def test_the_helm_is_told_what_all_of_them_have_done_and_may_stop_them() -> None:
    helm = Noting(stops=True)

    with pytest.raises(Cancelled):
        await fill_in_processes(Work(fill, ""), ENDS, 2, lambda _: None, helm)

    assert [one.total for one in helm.told] == [105]


async def test_what_one_of_them_cannot_do_ends_all() -> None:
    with pytest.raises(Unavailable, match="the engine is down"):
        await fill_in_processes(Work(refuse, "the engine is down"), ENDS, 2, lambda _: None)


async def test_that_one_of_them_was_killed_is_told() -> None:
    with pytest.raises(Unavailable, match="goes on where it was"):
        await fill_in_processes(Work(die, ""), ENDS, 2, lambda _: None)
