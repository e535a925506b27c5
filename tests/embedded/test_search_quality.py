"""Relevance search ranks real tweets at least as well as tests/bench says it does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.sqlite.search_index import SqliteSearchIndex
from tests.bench.bench_search_quality import TREC, average_precision, index, judge
from tests.conftest import IN_CI


@pytest.fixture
async def indexed(tmp_path: Path) -> AsyncIterator[SqliteSearchIndex]:
    store = SqliteSearchIndex(tmp_path / "search.db")
    await index(store)
    yield store
    store.close()


@pytest.mark.slow
@pytest.mark.skipif(not TREC.is_dir() and not IN_CI, reason="the TREC tweets are not there")
async def test_topics_of_trec_microblog_are_ranked_well(indexed: SqliteSearchIndex) -> None:
    quality = await judge(indexed, "")

    assert quality.topics == 108
    assert quality.mean_average_precision > 0.34
    assert quality.precision_at_30 > 0.325


def test_average_precision_is_reckoned_as_trec_does() -> None:
    assert average_precision([1, 9, 2, 8], {1, 2, 3}) == pytest.approx((1 + 2 / 3) / 3)
