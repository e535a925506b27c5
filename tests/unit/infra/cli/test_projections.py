"""How the table of `starling projections` tells who has a projection's partitions."""

import pytest

from infra.cli.projections import owners_of
from read_api.ports import PartitionStatus


@pytest.mark.parametrize(
    ("owners", "told"),
    [
        (["a:1"], "a:1"),
        (["b:2", "a:1", "b:2"], "a:1, b:2"),
        (["a:1", "b:2", "c:3"], "3 processes"),
        (["a:1", None, None], "a:1; 2 of 3 nobody"),
        ([None, None], "nobody"),
        ([], "nobody"),
    ],
)
def test_few_are_named_many_are_counted_and_so_is_what_nobody_has(
    owners: list[str | None], told: str
) -> None:
    partitions = [PartitionStatus(f"new_tweet/{n}", 0, 0, owner) for n, owner in enumerate(owners)]

    assert owners_of(partitions) == told
