"""Measures a thing and its limit in turns, so that what disturbs one disturbs the other."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.figures import Figure
from tests.bench.load import Load, Source, Taken
from tests.bench.process import Server

Measure = Callable[[], Awaitable[Taken]]


@dataclass(frozen=True, slots=True)
class Round:
    """What one turn took, and the processor time the server used for it."""

    taken: Taken
    cpu_s: float | None

    @property
    def cpu_us(self) -> float | None:
        """Microseconds of the server's processor time for each answer."""
        return None if self.cpu_s is None else self.cpu_s / self.taken.answers * 1e6


async def watched(server: Server, measure: Measure) -> Round:
    """One turn. Raises RuntimeError if anything was refused: that would not be the same work."""
    before = server.cpu_s
    taken = await measure()
    after = server.cpu_s
    if taken.failed:
        raise RuntimeError(f"{taken.failed} of {taken.answers} requests failed")
    return Round(taken, None if before is None or after is None else after - before)


async def in_turns(
    server: Server, limit: Measure, measure: Measure, rounds: int
) -> list[tuple[Round, Round]]:
    """The limit and the thing, one after the other, so many times."""
    return [(await watched(server, limit), await watched(server, measure)) for _ in range(rounds)]


async def flat_out_in_turns(
    server: Server, load: Load, limit: Source, source: Source, *, turn_s: float, rounds: int
) -> list[tuple[Round, Round]]:
    """The same of requests, each kind as fast as they are answered."""
    return await in_turns(
        server,
        lambda: load.flat_out(limit, turn_s),
        lambda: load.flat_out(source, turn_s),
        rounds,
    )


def compared(
    name: str, against: str, pairs: Sequence[tuple[Round, Round]], aim: float | None, note: str = ""
) -> Figure:
    """The thing per second, and the median of its ratios to the limit."""
    rate = median(thing.taken.per_s for _, thing in pairs)
    ratio = median(thing.taken.per_s / limit.taken.per_s for limit, thing in pairs)
    return Figure(name, rate, "/s", against, ratio, aim, _told(pairs, note))


def _told(pairs: Sequence[tuple[Round, Round]], note: str) -> str:
    parts = [note] if note else []
    cpu = [thing.cpu_us for _, thing in pairs if thing.cpu_us is not None]
    if cpu:
        parts.append(f"{median(cpu):.0f} us CPU")
    p99 = median(thing.taken.quantile_ms(0.99) for _, thing in pairs)
    parts.append(f"p99 {p99:.1f} ms")
    return ", ".join(parts)
