"""A view as of a moment is the fold of the log up to it, whatever happened since."""

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import Recorded
from domain.ids import millis_of
from domain.moments import moment_named
from infra.folder import LOG_FILE, projection_file
from infra.folder_log import FolderLog
from infra.profiles.embedded_stores import Surroundings, opened
from infra.replaying_past import planned_past, replay_past
from infra.settings import Settings
from infra.sqlite.feed import SqliteFeed
from infra.sqlite.home_timelines import DEPTH
from infra.sqlite.keyring import SqliteKeyring
from infra.sqlite.recorder import Entry, GroupRecorder
from infra.stamps import wall_clock_ms
from projections.projection import Projection
from streams.answers.keys import Known
from streams.answers.questions import QUESTIONS
from streams.envelope import Codec
from streams.registry import PROJECTIONS
from tests.histories import histories

EXAMPLES: Final = 25


def write(folder: Path, history: Sequence[Recorded]) -> None:
    """Make a data folder with this log, of which nothing is projected."""
    (folder / "projections").mkdir()
    with closing(SqliteKeyring(folder / "keys.db")) as keyring:
        codec, recorder = Codec(keyring), GroupRecorder(folder / LOG_FILE)
        recorder.create_table()
        keyring.ensure({one.event.person_id for one in history})
        stored = [
            StoredEvent(one.event.stream, one.version, *codec.encode(one.event)) for one in history
        ]
        recorder.insert_group([Entry(stored)])
        recorder.datastore.close()


async def answers(projection: Projection, store: Any, history: Sequence[Recorded]) -> list[Any]:
    """Everything that the store says about whatever the whole history names."""
    known = Known({question.kind for question in QUESTIONS[projection.name]})
    for one in history:
        known.note(one.event)
    found = []
    for question in QUESTIONS[projection.name]:
        keys: Iterable[Any] = question.ids or known.ids(question.kind)
        found += [await question.ask(store, key) for key in sorted(keys, key=str)]
    return found


@given(data=st.data(), history=histories(), projection=st.sampled_from(PROJECTIONS))
@settings(max_examples=EXAMPLES, deadline=None)
def test_it_is_the_fold_of_the_log_up_to_the_moment(
    data: st.DataObject, history: list[Recorded], projection: Projection
) -> None:
    cut = data.draw(st.integers(0, len(history)), label="cut")
    moment = moment_named(f"log/0:{cut}")
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_now:
        folder = Path(name)
        around = Surroundings(Settings(data=name), wall_clock_ms, DEPTH)
        write(folder, history)

        one = asyncio.run(
            replay_past(around.settings, projection, moment, lambda _: None, per_s_max=1e9)
        )

        plan = asyncio.run(planned_past(around.settings, projection, moment))
        assert (plan.number, plan.done, plan.total) == (one.build.number, cut, cut)
        built = opened(projection, projection_file(folder, *one.build[:3]), around)
        fold = opened(projection, folder / "fold.db", around)
        open_now.callback(built.close)
        open_now.callback(fold.close)
        asyncio.run(fold.apply(projection.project(history[:cut]), {0: cut}))
        ask = partial(answers, projection, history=history)
        assert asyncio.run(ask(built)) == asyncio.run(ask(fold))


@given(history=histories(max_steps=40))
@settings(max_examples=10, deadline=None)
def test_a_time_is_the_position_before_what_is_later(history: list[Recorded]) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_now:
        folder = Path(name)
        write(folder, history)
        keyring = open_now.enter_context(closing(SqliteKeyring(folder / "keys.db")))
        feed = open_now.enter_context(closing(SqliteFeed(folder / LOG_FILE, Codec(keyring))))
        log = FolderLog(feed)

        for one in history[:: len(history) // 5 + 1]:
            at_ms = millis_of(one.event.event_id)
            later = [e.position for e in history if millis_of(e.event.event_id) > at_ms]
            reached = min(later, default=len(history) + 1) - 1
            assert asyncio.run(log.positions_at(at_ms)) == {0: reached}
            assert asyncio.run(log.at_ms({0: reached})) == at_ms
