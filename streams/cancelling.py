"""Cancellations that were lost."""

import asyncio


def heed_cancellation() -> None:
    """Raises CancelledError where the task was told to end before. Until Python 3.12
    `asyncio.wait_for`, which Faust and psycopg wait with, loses a cancellation that comes in the
    moment in which it gets what it waits for (python/cpython#86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
