"""`docs/asyncapi.json` says what is on the topics, and is made from the event classes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import TYPES, Event
from domain.topics import TOPICS
from streams import asyncapi
from streams.envelope import Codec
from streams.records import record_of
from tests.golden_events import EXAMPLES, GoldenKeyring

FILE = Path(__file__).parents[3] / "docs" / "asyncapi.json"
DOCUMENT = asyncapi.document()


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def at(reference: str) -> Any:
    node: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def message_of(event: Event) -> Any:
    return DOCUMENT["components"]["messages"][f"{event.TYPE}.v{event.SCHEMA}"]


def test_the_file_is_current(tmp_path: Path) -> None:
    asyncapi.write(tmp_path / "made.json")

    assert FILE.read_bytes() == (tmp_path / "made.json").read_bytes(), (
        "python -m streams.asyncapi docs/asyncapi.json"
    )


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))

    assert found
    assert all(at(reference) for reference in found)


def test_every_topic_is_a_channel_that_forgets_nothing() -> None:
    channels = DOCUMENT["channels"]

    assert tuple(channels) == TOPICS
    assert all(channel["address"] == topic for topic, channel in channels.items())
    kept = [channel["bindings"]["kafka"]["topicConfiguration"] for channel in channels.values()]
    assert all(one["retention.ms"] == one["retention.bytes"] == -1 for one in kept)


def test_every_event_is_on_its_topic_and_on_no_other() -> None:
    found = {
        (topic, name) for topic, one in DOCUMENT["channels"].items() for name in one["messages"]
    }

    assert found == {(one.TOPIC, f"{one.TYPE}.v{one.SCHEMA}") for one in TYPES.values()}


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TYPE)
def test_a_record_has_the_headers_and_the_key_that_the_document_says(event: Event) -> None:
    record = record_of(event, 1, Codec(GoldenKeyring()))
    common, own = message_of(event)["headers"]["allOf"]
    schema = at(common["$ref"])
    said = {name: value.decode() for name, value in record.headers}

    assert sorted(said) == sorted(schema["properties"]) == sorted(schema["required"])
    for name, rule in (schema["properties"] | own["properties"]).items():
        assert rule.get("const", said[name]) == said[name]
        assert re.search(rule.get("pattern", ""), said[name])
    key = message_of(event)["bindings"]["kafka"]["key"]
    assert re.search(key["pattern"], record.key.decode())


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TYPE)
def test_the_value_of_a_record_is_the_array_that_the_document_says(event: Event) -> None:
    record = record_of(event, 1, Codec(GoldenKeyring()))
    public, sealed, origin = map(
        at, (part["$ref"] for part in message_of(event)["payload"]["items"])
    )
    value: list[Any] = msgspec.msgpack.decode(record.value)

    assert len(value) == 3
    assert set(public["required"]) <= set(value[0]) <= set(public["properties"])
    assert "personal" not in public["properties"]
    assert (value[1] is None) == ("x-clear" not in sealed)
    assert set(value[2]) <= set(origin["properties"])


def test_what_is_sealed_is_described_in_clear() -> None:
    clear = {
        name: at(schema["x-clear"]["$ref"])["title"]
        for name, schema in DOCUMENT["components"]["schemas"].items()
        if "x-clear" in schema
    }

    assert clear == {
        "SealedPostText": "PostText",
        "SealedProfile": "Profile",
        "SealedReportComment": "ReportComment",
    }


def test_the_document_is_json_of_the_version_it_says() -> None:
    document = json.loads(FILE.read_bytes())

    assert document["asyncapi"] == "3.0.0"
    assert {"info", "channels", "operations", "components"} <= set(document)
