"""Analytics tables in SQLite: who did what, counted up per post, author and tag by triggers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from domain.ids import EPOCH_MS, SEQUENCE_BITS, WORKER_BITS, AccountId, PostId
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.engagement import (
    BUCKET_MS,
    Bucket,
    CountImpression,
    CountPost,
    DescribePost,
    DropAccount,
    DropPost,
    Operation,
    SetFollow,
    SetReaction,
    Tally,
    bucket_start,
)


class _DescribedPost(NamedTuple):
    """A DescribePost as it is stored: the tags are a JSON array."""

    post_id: PostId
    author_id: AccountId
    version: int
    tags: str


_HOUR_MS: Final = BUCKET_MS["hour"]
_ADD: Final = "ON CONFLICT DO UPDATE SET n = n + excluded.n"


def _hour_of(snowflake: str) -> str:
    """SQL: the Unix time in whole hours at which an id was made."""
    return f"(({snowflake} >> {WORKER_BITS + SEQUENCE_BITS}) + {EPOCH_MS}) / {_HOUR_MS}"


def _count(row: str, target: str, metric: str, n: str, *, only_if: str = "true") -> str:
    """SQL of a trigger: what `row` (NEW or OLD) says happened to a post, `n` times."""
    return f"""INSERT INTO post_hours
    SELECT {row}.{target}, {row}.hour, {metric}, {n} WHERE {only_if} {_ADD};"""  # noqa: S608


def _register(table: str, count_in: str, count_out: str) -> str:
    """SQL: triggers that keep counts equal to the rows that are live."""
    return f"""
CREATE TRIGGER IF NOT EXISTS {table}_came AFTER INSERT ON {table} BEGIN {count_in} END;
CREATE TRIGGER IF NOT EXISTS {table}_changed AFTER UPDATE ON {table} BEGIN
    {count_out} {count_in} END;
CREATE TRIGGER IF NOT EXISTS {table}_went AFTER DELETE ON {table} BEGIN {count_out} END;
"""
