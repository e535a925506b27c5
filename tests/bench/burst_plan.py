"""Which commands come when: a real burst and a made one."""

import gzip
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from tests.bench.burst_load import Due
from tests.bench.burst_town import AUTHORS, Command, Town
from tests.bench.fanout_town import ACTIVITY

# The minute with the most events of that week, counted from the first event.
FIRST_S, PEAK_MINUTE = 1_341_100_972, 4_672
# As fast that the peak is so much of what the server can take.
PEAK: Final = 1.5
STEP: Final = 25
# Half a load: so much of the commands and so much of the reads that can be taken alone.
QUARTER: Final = 0.25


class Size(NamedTuple):
    """Seconds, and minutes of the real week around its peak."""

    flat_out_s: float
    minutes_before: int
    minutes_after: int
    before_s: float
    step_s: float


# On the engines fewer minutes: the same machine takes a tenth of the commands there.
WHOLE: Final = {
    "embedded": Size(5, minutes_before=20, minutes_after=30, before_s=5, step_s=3),
    "cluster": Size(3, minutes_before=8, minutes_after=10, before_s=5, step_s=3),
}
QUICK: Final = Size(2, minutes_before=4, minutes_after=4, before_s=2, step_s=1)


def at_once(town: Town, number: int) -> list[Due]:
    """So many tweets."""
    lot = random.Random(5)
    return [Due(0, _tweet(town, lot)) for _ in range(number)]


def higgs(town: Town, size: Size, per_s: float) -> list[Due]:
    """The real one, beside a server that can take `per_s`. Retweets are reposts of the newest
    tweet; whoever mentions or replies, tweets."""
    rows = _rows(size)
    peak = sum(minute == PEAK_MINUTE for minute, *_ in rows) / 60
    faster = per_s * PEAK / peak
    first, lot = rows[0][1], random.Random(4)
    # When within its second, is not told.
    dues = [
        Due((second - first + lot.random()) / faster, _event(town, actor, target, kind))
        for _, second, actor, target, kind in rows
    ]
    return sorted(dues, key=lambda due: due.at_s)


def step(town: Town, size: Size, per_s: float) -> list[Due]:
    """Half a load, STEP times as much, half a load again."""
    lot, base = random.Random(6), per_s * QUARTER
    dues, at_s, end_s = [], 0.0, 2 * size.before_s + size.step_s
    while at_s < end_s:
        dues.append(Due(at_s, _tweet(town, lot)))
        in_step = size.before_s <= at_s < size.before_s + size.step_s
        at_s += 1 / base / (STEP if in_step else 1)
    return dues


def _tweet(town: Town, lot: random.Random) -> Callable[[], Command]:
    return partial(town.tweet, lot.randrange(AUTHORS), lot.randrange(AUTHORS))


def _event(town: Town, actor: int, target: int, kind: str) -> Callable[[], Command]:
    what = town.repost if kind == "retweet" else town.tweet
    return partial(what, actor % AUTHORS, target % AUTHORS)


def _rows(size: Size) -> Sequence[tuple[int, int, int, int, str]]:
    """Minute, Unix second, actor, target, kind. A reply that also mentions has two rows."""
    found, seen = [], set()
    with gzip.open(ACTIVITY, "rt") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            second, actor, target, kind = line.split()
            minute = (int(second) - FIRST_S) // 60
            one = (second, actor, target)
            near = -size.minutes_before <= minute - PEAK_MINUTE <= size.minutes_after
            if near and (kind == "retweet" or one not in seen):
                found.append((minute, int(second), int(actor), int(target), kind))
                seen.add(one)
    return found
