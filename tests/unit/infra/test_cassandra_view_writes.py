"""What a view writes goes to Cassandra in few requests, none of which is too large."""

from collections.abc import Sequence
from typing import Any, Final

from infra.cassandra.session import CassandraSession
from infra.cassandra.view_tables import (
    BYTES_MAX,
    PARTITIONS_FEW,
    ROWS_MAX,
    SPREAD,
    ViewTables,
    Write,
)

POST: Final = "INSERT INTO @posts (post_id, text) VALUES (?, ?)"
TOTAL: Final = "INSERT INTO @totals (post_id, likes) VALUES (?, ?)"

Statement = tuple[str, Sequence[Any]]


class Noting(CassandraSession):
    """Keeps what each request would write."""

    def __init__(self) -> None:
        self.requests: list[Sequence[Statement]] = []

    async def execute(self, cql: str, values: Sequence[Any] = ()) -> list[Any]:
        self.requests.append([(cql, values)])
        return []

    async def batch(self, statements: Sequence[Statement], **_: Any) -> list[Any]:
        self.requests.append(statements)
        return []


async def requests_for(writes: Sequence[Write]) -> list[Sequence[Statement]]:
    session = Noting()
    await ViewTables(session, "v", {}).write(writes)
    named = [(write.cql.replace("@", "v_"), write.values) for write in writes]
    assert sorted(one for request in session.requests for one in request) == sorted(named)
    return session.requests


async def test_what_tables_have_of_one_key_is_written_together() -> None:
    posts = [Write(post_id, POST, (post_id, b"")) for post_id in range(3 * PARTITIONS_FEW)]
    totals = [Write(post_id, TOTAL, (post_id, 1)) for post_id in range(3 * PARTITIONS_FEW)]

    for request in await requests_for([*posts, *totals]):
        keys = [values[0] for _, values in request]
        assert all(keys.count(key) == 2 for key in keys)


async def test_few_partitions_are_spread_over_requests_and_many_are_not() -> None:
    def posts(count: int) -> list[Write]:
        return [Write(post_id, POST, (post_id, b"")) for post_id in range(count)]

    few = await requests_for(posts(2 * PARTITIONS_FEW))
    many = await requests_for(posts(3 * SPREAD * ROWS_MAX))

    assert list(map(len, few)) == [PARTITIONS_FEW] * 2
    assert list(map(len, many)) == [ROWS_MAX] * (3 * SPREAD)


async def test_rows_of_one_partition_are_written_in_several_requests_if_they_are_many() -> None:
    rows = [Write(1, TOTAL, (1, likes)) for likes in range(2 * ROWS_MAX + 1)]

    assert list(map(len, await requests_for(rows))) == [ROWS_MAX, ROWS_MAX, 1]


async def test_no_request_has_more_long_values_than_cassandra_takes() -> None:
    text = b"x" * (BYTES_MAX // 4)
    posts = [Write(post_id, POST, (post_id, text)) for post_id in range(PARTITIONS_FEW)]

    for request in await requests_for(posts):
        assert sum(len(values[1]) for _, values in request) <= BYTES_MAX + len(text)
