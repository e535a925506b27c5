"""Decide, record, decide again on a conflict: the way every command takes, written once."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import uniform
from typing import Final, NamedTuple

from commands.ports import (
    AlreadyAnswered,
    Answer,
    Answered,
    Append,
    Claimed,
    Ports,
    Receipt,
    VersionConflict,
)
from domain.errors import (
    Conflict,
    Invalid,
    KeyInProgress,
    KeyReused,
    NotSignedIn,
    Refusal,
    TooManyRequests,
    Unavailable,
    WrongCredentials,
)
from domain.events import Event
from domain.positions import Vector, merge
from web import problems
from web.routing import Call, Reply

DECISIONS_MAX: Final = 32
# How long a command waits at most before each decision that it tries to record. Who won goes on at
# once with what waits behind it, so who waits much longer loses more often: of three processes one
# loses eleven times in a row once in a hundred times.
PAUSES_S: Final = (0.0, 0.0, 0.005, 0.01, 0.02, 0.04, *[0.08] * (DECISIONS_MAX - 6))
_KEY: Final = re.compile("[!-~]{1,255}")
# With the same key these may turn out differently the next time: 401, 429, 503, and having lost
# to others again and again. What is said of the key itself is another request's.
NOT_KEPT: Final = (
    NotSignedIn,
    WrongCredentials,
    TooManyRequests,
    Unavailable,
    Conflict,
    KeyInProgress,
    KeyReused,
)


class Decision(NamedTuple):
    """What a handler decided: events for one way into the log, and what the client gets."""

    answer: Answer
    publish: tuple[Event, ...] = ()
    append: tuple[Append, ...] = ()


Decide = Callable[[Ports], Awaitable[Decision]]


async def run(
    call: Call, ports: Ports, decide: Decide, *, scope: str | None = None, exclusive: bool = False
) -> Reply:
    """Answer one command. With an Idempotency-Key it has one effect and one answer.

    `scope` is whose keys are meant (default: the signed-in account's). `exclusive`: to decide has
    effects of its own, so that nobody else may while this one does.
    """
    key = call.headers.get("idempotency-key")
    if key is None:
        return _reply(await record(ports, decide, None), call)
    if not _KEY.fullmatch(key):
        raise Invalid(("/Idempotency-Key", "1 to 255 visible characters"))
    owner = scope if scope is not None else str(call.account_id)
    claimed = await ports.idempotency.claim(
        owner, key, call.fingerprint, by_recording=not exclusive
    )
    if isinstance(claimed, Answered):
        return _reply(claimed, call, replayed=True)
    try:
        return _reply(await _record_once(ports, decide, claimed), call)
    except AlreadyAnswered as already:
        return _reply(already.answered, call, replayed=True)
    finally:
        await ports.idempotency.release(claimed)


async def _record_once(ports: Ports, decide: Decide, claimed: Claimed) -> tuple[Answer, Vector]:
    """Raises AlreadyAnswered, Refusal."""

    def receipt(answer: Answer) -> Receipt:
        return Receipt(claimed.scope, claimed.key, claimed.fingerprint, answer)

    try:
        answer, vector = await record(ports, decide, receipt)
        if not vector:
            await ports.idempotency.complete(claimed, answer)
    except Refusal as refusal:
        if isinstance(refusal, NOT_KEPT):
            raise
        told = problems.problem(refusal)
        await ports.idempotency.complete(claimed, Answer(told.status, told.body, told.headers))
        raise
    return answer, vector


async def record(
    ports: Ports, decide: Decide, receipt: Callable[[Answer], Receipt] | None
) -> tuple[Answer, Vector]:
    """Decide until no other command was first, and record what was decided with its receipt.

    Raises Refusal: what the decision raises, Conflict, Unavailable; with a receipt what
    `IdempotencyStore.complete` raises.
    """
    decision = await decide(ports)
    if not decision.append:
        return await _put(decision, ports, receipt)
    stream = decision.append[0].stream
    is_newest = stream not in ports.turns
    async with ports.turns.on(stream):
        for pause_s in PAUSES_S:
            # Only other processes can be first now. They wait for so long, each for another time.
            if pause_s:
                await asyncio.sleep(uniform(0, pause_s))  # noqa: S311 - no secret
            if not is_newest:
                decision = await decide(ports)
            is_newest = False
            with suppress(VersionConflict):
                return await _put(decision, ports, receipt)
    raise Conflict


async def _put(
    decision: Decision, ports: Ports, receipt: Callable[[Answer], Receipt] | None
) -> tuple[Answer, Vector]:
    """Raises VersionConflict: another command was first, and nothing is recorded."""
    kept = None if receipt is None else receipt(decision.answer)
    if decision.append:
        return decision.answer, await ports.log.append(decision.append, receipt=kept)
    if decision.publish:
        return decision.answer, await ports.log.publish(decision.publish, receipt=kept)
    return decision.answer, {}


def _reply(told: tuple[Answer, Vector], call: Call, *, replayed: bool = False) -> Reply:
    answer, vector = told
    headers = answer.headers
    if replayed:
        headers = (*headers, ("Idempotency-Replayed", "true"))
    media_type = problems.PROBLEM_JSON if answer.status >= 400 else "application/json"
    covers = merge((vector, call.vector)) if answer.status < 400 else None
    return Reply(answer.status, answer.body, headers, covers, media_type)
