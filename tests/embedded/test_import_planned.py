"""An import whose ids are planned ahead goes on wherever it was killed: nothing doubled or lost."""

import json
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

from domain.errors import Conflict
from domain.events import AccountOpened, Event, HandleClaimed, PostPosted, Recorded
from infra.importing.imports import Files, Imports
from infra.importing.outside import ImportIndex, Outside
from infra.importing.tally import Summary
from tests.write_side import WriteSide

PEOPLE = 30
POSTS = 90
# Which of the steps come before there are any events.
PLANNED = ("account planned", "post planned")


class KilledError(Exception):
    """The process is no more."""


class PlannedIndex:
    """An index with plans; it dies at each of these steps once."""

    def __init__(self, index: ImportIndex, dies_at: Collection[str] = ()) -> None:
        self._index = index
        self._dies_at = list(dies_at)
        self._planned: dict[str, dict[str, int]] = {}
        self._recorded: dict[str, dict[str, int]] = {}
        self.existing = index.existing

    @property
    def plans(self) -> "PlannedIndex":
        return self

    def receipts(self, scope: str) -> Mapping[str, bytes]:
        return {key: str(one).encode() for key, one in self._recorded.get(scope, {}).items()}

    def planned(self, scope: str) -> Mapping[str, int]:
        return dict(self._planned.get(scope, {}))

    def plan(self, scope: str, ids: Mapping[str, int]) -> None:
        planned = self._planned.setdefault(scope, {})
        if any(planned.get(key, one) != one for key, one in ids.items()):
            raise Conflict
        planned.update(ids)
        self._die_at("planned", ids)

    def plan_again(self, scope: str, ids: Mapping[str, int], old: Mapping[str, int]) -> None:
        assert {key: self._planned[scope][key] for key in ids} == old
        self._planned[scope].update(ids)

    def recorded(self, scope: str, ids: Mapping[str, int]) -> None:
        self._die_at("recorded", ids)
        assert all(self._planned[scope][key] == one for key, one in ids.items())
        self._recorded.setdefault(scope, {}).update(ids)

    def _die_at(self, step: str, ids: Mapping[str, int]) -> None:
        kind = next(iter(ids), "").partition("/")[0]
        if self._dies_at and self._dies_at[0] == f"{kind} {step}":
            del self._dies_at[0]
            raise KilledError


@pytest.fixture
def side(tmp_path: Path) -> Iterator[WriteSide]:
    with WriteSide(tmp_path / "data") as side:
        yield side


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return written(tmp_path, "set")


def written(folder: Path, namespace: str) -> Files:
    chance = random.Random(3)
    posts, follows = folder / f"{namespace}.jsonl", folder / f"{namespace}.tsv"
    with posts.open("w") as out:
        for n in range(POSTS):
            line = {
                "id": str(n),
                "user": str(n % PEOPLE),
                "created_at": "2012-10-25T21:00:34Z" if n % 2 else None,
                "text": f"post {n}",
                "in_reply_to": str(n - 1) if n % 3 == 1 else None,
            }
            out.write(json.dumps(line) + "\n")
    pairs = {tuple(chance.sample(range(PEOPLE), 2)) for _ in range(POSTS)}
    follows.write_text("".join(f"{one}\t{other}\n" for one, other in sorted(pairs)))
    return Files(posts=(str(posts),), follows=(str(follows),), namespace=namespace)


async def imported(side: WriteSide, index: PlannedIndex, files: Files) -> Summary:
    """Import these once more. Raises KilledError."""
    outside = Outside(side.ports, side.keyring, index, Path(files.posts[0]).parent / "imports")
    return await Imports(outside).run(files, lambda _progress: None)


async def events_of(side: WriteSide) -> list[Event]:
    return [one.event for one in await side.feed.read(0, 0, 100_000) if isinstance(one, Recorded)]


async def posts_of(side: WriteSide) -> list[PostPosted]:
    return [one for one in await events_of(side) if isinstance(one, PostPosted)]


STEPS = ("account planned", "account recorded", "post planned", "post recorded")


@pytest.mark.parametrize("dies_at", [(), *((step, step) for step in STEPS), STEPS])
async def test_what_was_killed_goes_on(
    side: WriteSide, files: Files, dies_at: Collection[str]
) -> None:
    index = PlannedIndex(side.index, dies_at)
    for _ in dies_at:
        with pytest.raises(KilledError):
            await imported(side, index, files)

    await imported(side, index, files)
    again = await imported(side, index, files)

    assert again.accounts == again.posts == again.follows == again.events == 0
    kinds = Counter(map(type, await events_of(side)))
    assert kinds[AccountOpened] == kinds[HandleClaimed] == PEOPLE
    posted = await posts_of(side)
    assert {one.source for one in posted} == {f"set:{n}" for n in range(POSTS)}
    assert len({one.event_id for one in posted}) == POSTS


async def test_an_id_that_was_planned_may_be_anothers_by_then(
    side: WriteSide, files: Files, tmp_path: Path
) -> None:
    """All posts have one time, so another import gets the ids that were never used."""
    index = PlannedIndex(side.index, PLANNED)
    for _ in PLANNED:
        with pytest.raises(KilledError):
            await imported(side, index, files)

    others = await imported(side, index, written(tmp_path, "other"))
    first = await imported(side, index, files)

    assert (first.posts, others.posts) == (POSTS, POSTS)
    posted = await posts_of(side)
    assert len({one.event_id for one in posted}) == len(posted) == 2 * POSTS
    assert len({one.source for one in posted}) == 2 * POSTS
    assert Counter(map(type, await events_of(side)))[AccountOpened] == 2 * PEOPLE
