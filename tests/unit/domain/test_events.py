"""The catalogue of events, in code and in `docs/events.md`."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from domain.events import TYPES, Event, Fact
from domain.moderation import REPORT_REASONS
from tests.golden_events import EXAMPLES

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
TOPICS = {"new_tweet", "new_reply", "new_follow", "analytics_events", "user_events"}
BY_TYPE = {event.TYPE: event for event in EXAMPLES}


class Row(NamedTuple):
    topic: str
    way_in: str
    stream: str
    fields: str


def rows() -> dict[str, Row]:
    found: dict[str, Row] = {}
    topic = ""
    for line in PAGE.splitlines():
        if heading := re.match(r"## .*\(`(\w+)`\)", line):
            topic = heading[1]
        if row := re.match(r"\| `([\w.]+)` \| (\w+) \| `([^`]+)` \| (.*) \|$", line):
            assert row[1] not in found
            found[row[1]] = Row(topic, row[2], row[3], row[4])
    return found


ROWS = rows()


def own_fields(event: type[Event]) -> set[str]:
    return set(event.__struct_fields__) - set(Fact.__struct_fields__)


def test_the_page_describes_every_event_and_no_other() -> None:
    assert ROWS.keys() == TYPES.keys()


@pytest.mark.parametrize("event", TYPES.values(), ids=TYPES.keys())
def test_the_page_says_how_an_event_travels_and_what_it_carries(event: type[Event]) -> None:
    row = ROWS[event.TYPE]

    assert row.topic == event.TOPIC
    assert row.way_in == ("append" if event.APPENDED else "publish")
    assert [name for name in own_fields(event) if f"`{name}`" not in row.fields] == []
    assert set(re.findall(r"`(\w+)`", row.fields)) <= own_fields(event)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TYPE)
def test_the_page_names_the_stream(event: Event) -> None:
    low, high = sorted((event.actor_id, getattr(event, "target_id", 0)))
    values = {name: getattr(event, name) for name in event.__struct_fields__}

    assert ROWS[event.TYPE].stream.format(low=low, high=high, **values) == event.stream


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TYPE)
def test_the_page_says_where_the_key_is_not_the_actor(event: Event) -> None:
    named = re.search(r"`(\w+)` \(the key\)", ROWS[event.TYPE].fields)

    if event.TOPIC == "new_follow":
        assert event.key == min(event.actor_id, getattr(event, "target_id", 0))
    else:
        assert event.key == getattr(event, named[1] if named else "actor_id")


def test_the_page_lists_the_reasons_of_a_report() -> None:
    listed = re.search(r"`reason`: ([\w, ]+);", ROWS["report.filed"].fields)

    assert listed is not None
    assert tuple(listed[1].split(", ")) == REPORT_REASONS


@pytest.mark.parametrize("event", TYPES.values(), ids=TYPES.keys())
def test_an_event_has_a_topic_a_name_and_a_version(event: type[Event]) -> None:
    assert event.TOPIC in TOPICS
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", event.TYPE)
    assert event.SCHEMA >= 1


def test_there_is_an_example_of_every_event() -> None:
    assert BY_TYPE.keys() == TYPES.keys()
    assert len(EXAMPLES) == len(TYPES)
