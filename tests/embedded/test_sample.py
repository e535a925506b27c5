"""The sample of a first start."""

import gzip
import sys
from pathlib import Path

import orjson
import pytest

from commands.open_account import OpenAccount, open_account
from infra.importing.recording import give
from infra.sample import build
from infra.sample.loading import DATA, SOMEBODY, is_due, load
from tests.bench.bench_text import SHARED
from tests.cluster.local import own_port
from tests.conftest import IN_CI
from tests.programs import get, line_with, out_of, serving, starling
from tests.write_side import WriteSide

MKLAB = SHARED / "data" / "posts" / "mklab_tweets.jsonl.gz"
NOSTR = SHARED / "data" / "graph" / "nostr_follow.tsv.gz"
SAMPLE_BYTES_MAX = 300_000


async def due(side: WriteSide) -> bool:
    return await is_due(side.ports.idempotency, log_is_empty=side.log.head == 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_an_empty_log_gets_the_sample_once(tmp_path: Path) -> None:
    with WriteSide(tmp_path) as side:
        assert await due(side)
        summary = await load(side.imports, side.ports.idempotency, lambda _progress: None)
        assert not await due(side)

    with WriteSide(tmp_path) as side:
        assert not await due(side)
    assert (summary.rejected, summary.known, summary.skipped) == (0, 0, 0)
    assert 0 < summary.posts <= 2_000


async def test_a_log_of_others_never_gets_it(tmp_path: Path) -> None:
    with WriteSide(tmp_path) as side:
        await give(open_account, OpenAccount(handle="ada"), side.ports)

        assert not await due(side)


async def test_what_was_begun_is_due_until_it_is_done(tmp_path: Path) -> None:
    with WriteSide(tmp_path) as side:
        assert await due(side)
        await give(open_account, OpenAccount(handle="ada"), side.ports)

    with WriteSide(tmp_path) as side:
        assert await due(side)


def test_it_is_small_and_says_whose_it_is() -> None:
    assert sum(path.stat().st_size for path in DATA.glob("*.gz")) < SAMPLE_BYTES_MAX
    assert "Apache" in (DATA / "LICENSE-APACHE-2.0").read_text()
    assert "Martti Malmi" in (DATA / "LICENSE-MIT").read_text()
    for name in ("posts.jsonl.gz", "follows.tsv.gz", "MKLab", "nostr-social-graph"):
        assert name in (DATA / "NOTICE").read_text()


def test_who_is_named_to_be_tried_has_something_to_read() -> None:
    with gzip.open(DATA / "posts.jsonl.gz") as lines:
        authors = [orjson.loads(line)["user"] for line in lines]
    with gzip.open(DATA / "follows.tsv.gz", "rt") as lines:
        followed = {
            followee for follower, followee in map(str.split, lines) if follower == SOMEBODY
        }

    assert len(followed) > 100
    assert len([author for author in authors if author in followed]) > 200
    assert authors.count(SOMEBODY) > 5


@pytest.mark.skipif(not MKLAB.exists() and not IN_CI, reason="the data sets are not there")
def test_it_is_what_the_script_makes_of_the_data_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DATA", tmp_path)

    build.main(MKLAB, NOSTR)

    for name in ("posts.jsonl.gz", "follows.tsv.gz"):
        made, kept = (gzip.decompress((folder / name).read_bytes()) for folder in (tmp_path, DATA))
        assert made == kept


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_first_start_serves_while_it_loads_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    port = own_port()
    with serving(tmp_path, port, sample="1") as server:
        line_with(out_of(server), "events")
        # Accounts come first: then there would be nothing yet to find again.
        shown = get(port, "/v1/timelines/public")
        while not shown.json()["items"]:
            shown = get(port, "/v1/timelines/public")
        server.kill()

    with serving(tmp_path, port, sample="1") as server:
        told = line_with(out_of(server), "were there already")
        assert line_with(out_of(server), "/v1/timelines/public").strip().startswith("read")
        assert get(port, f"/v1/accounts/by-handle/{SOMEBODY}").json()["handle"] == SOMEBODY
        asked = starling(tmp_path, "projections", "--json")
        assert '"position"' in asked.communicate(timeout=120)[0]

    assert ", 0 were there already" not in told
    assert " 0 events" not in told


@pytest.mark.slow
def test_without_it_a_first_start_has_nothing(tmp_path: Path) -> None:
    port = own_port()

    with serving(tmp_path, port):
        assert get(port, "/v1/timelines/public").json()["items"] == []
