"""The proof: the view and a fold of the log are asked the same, and answer the same, or not.

The view may go on following the log meanwhile. What it answers is then of no position in
particular, but of one between how far it was before the question and how far the log was after it.
So where an answer differs, the fold is brought to both. If its answer is the same at either, it was
the same in between, and the view is wrong; if the view agrees with one of them, it is right;
otherwise the key changes at this moment, and is asked again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from domain.errors import Unavailable
from projections.projection import Projection, Store, StoreUnavailable
from streams.answers.comparing import (
    Difference,
    Digests,
    differences,
    encoded,
    ids_that_differ,
)
from streams.answers.fold import Fold
from streams.answers.keys import Key, Known
from streams.answers.questions import QUESTIONS, Question
from streams.rebuild import Rebuilt

AT_ONCE: Final = 16
CHUNK: Final = 500
TRIES_MAX: Final = 5
AGAIN_S: Final = 0.5
# Half a minute, as the pauses grow.
OUTAGE_TRIES_MAX: Final = 12
# A view that does not even get there cannot be judged.
CATCH_UP_S: Final = 60.0
NAMED_MAX: Final = 1_000

Positions = Mapping[int, int]
T = TypeVar("T")


class View(Protocol):
    """What is to be proven: a live store, or a copy of one."""

    @property
    def store(self) -> Store[Any]: ...

    async def renew(self) -> None:
        """Take a newer copy, where it is one."""

    async def furthest(self) -> Positions:
        """Further than this the store cannot be now. Raises Unavailable."""


class Step(NamedTuple):
    """How far a proof is, of what it does: "reading" the log, or "asking"."""

    doing: str
    done: int
    total: int


@dataclass(slots=True)
class Verdict:
    """What came of it. Of `different` keys at most NAMED_MAX are told and `wrong`, and `ids` are
    those in what only one side has. `undecided` are those that changed whenever they were asked.
    Digests are over the keys that were asked, by shard; events `set_aside` could not be applied by
    the fold. `error`: why nothing can be told."""

    projection: str
    positions: dict[int, int] = field(default_factory=dict)
    keys: int = 0
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    wrong: set[Key] = field(default_factory=set)
    ids: set[int] = field(default_factory=set)
    undecided: list[str] = field(default_factory=list)
    set_aside: int = 0
    error: str | None = None
    view: Digests = field(default_factory=Digests)
    log: Digests = field(default_factory=Digests)

    @property
    def is_sound(self) -> bool:
        """Whether everything that was asked is equal."""
        return self.error is None and not self.different and not self.undecided


class _Asked(NamedTuple):
    key: Key
    question: Question


async def verify(
    projection: Projection,
    view: View,
    fold: Fold,
    report: Callable[[Step], None],
    *,
    sample: int | None = None,
    questions: Sequence[Question] | None = None,
    among: Known | None = None,
) -> Verdict:
    """Compare the view with the fold, for so many keys of each kind (0: all; None: as the
    questions have it), of all that the log names or `among` these. Raises Paused,
    StoreUnavailable, Unavailable, TimeoutError."""
    proof = _Proof(view, fold, report, Verdict(projection.name))
    await proof.run(questions or QUESTIONS[projection.name], sample, among or fold.known)
    proof.verdict.positions = dict(await fold.store.checkpoint())
    proof.verdict.set_aside = fold.set_aside
    return proof.verdict


class _Proof:
    def __init__(
        self, view: View, fold: Fold, report: Callable[[Step], None], verdict: Verdict
    ) -> None:
        self._view = view
        self._fold = fold
        self._report = report
        self.verdict = verdict

    async def run(self, questions: Sequence[Question], sample: int | None, known: Known) -> None:
        await self._bring_to(await _soon(self._view.store.checkpoint))
        asked = [one for question in questions for one in _keys(question, sample, known)]
        done = 0
        for chunk in _chunks(asked):
            self._report(Step("asking", done, len(asked)))
            await self._compare(chunk)
            done += len(chunk)
        self.verdict.keys = len(asked)
        self._report(Step("asking", done, len(asked)))

    async def _compare(self, asked: Sequence[_Asked]) -> None:
        """Ask about these; where the answers differ, find out why."""
        view, log = await self._answers(self._view.store, asked), await self._folded(asked)
        suspects: list[_Asked] = []
        for one, mine, other in zip(asked, view, log, strict=True):
            if mine == other:
                self._count(one.key, mine, other)
            else:
                suspects.append(one)
        for attempt in range(TRIES_MAX):
            if not suspects:
                return
            if attempt:
                await asyncio.sleep(AGAIN_S)
            suspects = await self._settle(suspects)
        self.verdict.undecided += [one.key.name for one in suspects]

    async def _settle(self, suspects: Sequence[_Asked]) -> list[_Asked]:
        """Those for which it cannot be told yet."""
        await self._view.renew()
        before = await self._passed()
        view = await self._answers(self._view.store, suspects)
        after = await _soon(self._view.furthest)
        await self._bring_to(before)
        first = await self._folded(suspects)
        await self._bring_to(after)
        second = await self._folded(suspects)
        left: list[_Asked] = []
        for one, mine, early, late in zip(suspects, view, first, second, strict=True):
            if mine in {early, late}:
                self._count(one.key, mine, mine)
            elif early == late:
                self._count(one.key, mine, late)
            else:
                left.append(one)
        return left

    def _count(self, key: Key, view: bytes, log: bytes) -> None:
        verdict = self.verdict
        verdict.view.add(key, view)
        verdict.log.add(key, log)
        if view != log:
            verdict.different += 1
            if verdict.different <= NAMED_MAX:
                verdict.differences += differences(key, view, log)
                verdict.wrong.add(key)
                verdict.ids |= ids_that_differ(view, log)

    async def _passed(self) -> Positions:
        """How far the view is, once it has what the fold has. Raises TimeoutError."""
        needed = await self._fold.store.checkpoint()
        async with asyncio.timeout(CATCH_UP_S):
            while True:
                reached = await _soon(self._view.store.checkpoint)
                if all(reached.get(one, 0) >= position for one, position in needed.items()):
                    return reached
                await asyncio.sleep(AGAIN_S)

    async def _folded(self, asked: Sequence[_Asked]) -> list[bytes]:
        return await self._answers(self._fold.store, asked)

    async def _answers(self, store: Store[Any], asked: Sequence[_Asked]) -> list[bytes]:
        found: list[bytes] = []
        for start in range(0, len(asked), AT_ONCE):
            group = asked[start : start + AT_ONCE]
            found += await asyncio.gather(*(self._answer(store, one) for one in group))
        return found

    async def _answer(self, store: Store[Any], one: _Asked) -> bytes:
        """What a store says; that it fails at it is an answer too."""
        try:
            return encoded(await _soon(partial(one.question.ask, store, one.key.id)))
        except (StoreUnavailable, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - whatever is in the store, the proof goes on
            return encoded({"error": f"{type(error).__name__}: {error}"})

    async def _bring_to(self, ends: Positions) -> None:
        await _soon(partial(self._fold.bring_to, ends, self._told))

    def _told(self, rebuilt: Rebuilt) -> None:
        self._report(Step("reading", rebuilt.done, rebuilt.total))


async def _soon(ask: Callable[[], Awaitable[T]]) -> T:
    """What it gives; an outage that is over soon is waited for. Raises Unavailable,
    StoreUnavailable where it is not."""
    failed = 0
    while True:
        try:
            return await ask()
        except (StoreUnavailable, Unavailable):
            failed += 1
            if failed == OUTAGE_TRIES_MAX:
                raise
        await asyncio.sleep(AGAIN_S * failed)


def _keys(question: Question, sample: int | None, known: Known) -> Iterator[_Asked]:
    size = question.sampled if sample is None else sample
    named = [Key(question.kind, one) for one in question.ids]
    for key in named or known.keys(question.kind, size):
        yield _Asked(key, question)


def _chunks(asked: Sequence[_Asked]) -> Iterator[Sequence[_Asked]]:
    left = iter(asked)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
