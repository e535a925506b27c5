"""The sample of a first start: loaded once, into a log that was empty, behind the open door.

Two receipts in the log's file tell what is to be done: `begun` was kept before the first command
could be given, so a start after a crash goes on; a log that others began never gets a sample.
"""

from pathlib import Path
from typing import Final

from commands.answers import NO_CONTENT
from commands.ports import Answered, IdempotencyStore
from infra.importing.imports import Files, Imports
from infra.importing.tally import Report, Summary

NAMESPACE: Final = "sample"
SOMEBODY: Final = "m5383"  # who wrote much, and follows and is followed by many
DATA: Final = Path(__file__).parent / "data"
FILES: Final = Files(
    posts=(str(DATA / "posts.jsonl.gz"),),
    follows=(str(DATA / "follows.tsv.gz"),),
    namespace=NAMESPACE,
)
_SCOPE: Final = f"import/{NAMESPACE}"  # what is kept in such a scope is never forgotten
_FINGERPRINT: Final = b"sample"


async def is_due(idempotency: IdempotencyStore, *, log_is_empty: bool) -> bool:
    """Whether a sample is to be loaded. Ask before the first command is given."""
    if await _noted(idempotency, "begun"):
        return not await _noted(idempotency, "done")
    if log_is_empty:
        await _note(idempotency, "begun")
    return log_is_empty


async def load(imports: Imports, idempotency: IdempotencyStore, report: Report) -> Summary:
    """Load what is missing of the sample, and note that it is there."""
    summary = await imports.run(FILES, report)
    await _note(idempotency, "done")
    return summary


async def _noted(idempotency: IdempotencyStore, key: str) -> bool:
    claimed = await idempotency.claim(_SCOPE, key, _FINGERPRINT)
    if isinstance(claimed, Answered):
        return True
    await idempotency.release(claimed)
    return False


async def _note(idempotency: IdempotencyStore, key: str) -> None:
    claimed = await idempotency.claim(_SCOPE, key, _FINGERPRINT)
    if not isinstance(claimed, Answered):
        await idempotency.complete(claimed, NO_CONTENT)
        await idempotency.release(claimed)
