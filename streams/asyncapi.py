"""The topics as an AsyncAPI 3.0 document, made from the event classes, for consumers outside.

`python -m streams.asyncapi docs/asyncapi.json` writes it anew after an event has changed.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec

from domain.events import TYPES, Event
from domain.topics import TOPICS
from streams.envelope import Origin, names_of
from streams.records import CONTENT_TYPE, SOURCE, SPEC_VERSION

Json = dict[str, Any]

PARTITIONS: Final = 64
SCHEMAS: Final = "#/components/schemas/{name}"
MESSAGES: Final = "#/components/messages/{name}"

_TOPICS: Final = {
    "new_tweet": "Tweets and reposts",
    "new_reply": "Replies",
    "new_follow": "Follows, blocks and mutes",
    "analytics_events": "Likes, bookmarks and impressions",
    "user_events": "Accounts, handles, reports and moderation",
}
_ABOUT: Final = """\
Everything that Starling knows. Records follow the CloudEvents 1.0 Kafka binding in binary mode.
Delivery is at least once: an event may come again, with the same `ce_id`. Of two events of one
register or stream (`ce_subject`) the one with the higher `ce_streamversion` is newer, whatever the
order in which they come; deletions and closures absorb."""
_SEALED: Final = "Encrypted with the key of the person it concerns, in clear: {of}."


def document() -> Json:
    """All topics with all events that travel on them."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Starling events",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "MIT"},
        },
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {topic: _channel(topic) for topic in TOPICS},
        "operations": {
            f"send_{topic}": {
                "action": "send",
                "summary": f"Starling records: {_TOPICS[topic]}",
                "channel": _ref(f"#/channels/{topic}"),
            }
            for topic in TOPICS
        },
        "components": {
            "messages": {_name(event): _message(event) for event in TYPES.values()},
            "schemas": _schemas(list(TYPES.values())),
        },
    }


def write(path: Path) -> None:
    """The document as a file."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n")


def _channel(topic: str) -> Json:
    names = [_name(event) for event in TYPES.values() if topic == event.TOPIC]
    return {
        "address": topic,
        "title": _TOPICS[topic],
        "messages": {name: _ref(MESSAGES.format(name=name)) for name in names},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": PARTITIONS,
                "topicConfiguration": {
                    "cleanup.policy": ["delete"],
                    "retention.ms": -1,
                    "retention.bytes": -1,
                },
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(event: type[Event]) -> Json:
    says_type = {"type": "object", "properties": {"ce_type": {"const": _name(event)}}}
    return {
        "name": _name(event),
        "title": event.__name__,
        "summary": _summary(event),
        "contentType": CONTENT_TYPE.decode(),
        "correlationId": {"location": "$message.payload#/2/correlation_id"},
        "headers": {"allOf": [_ref(SCHEMAS.format(name="Headers")), says_type]},
        "payload": {
            "description": "A msgpack array.",
            "type": "array",
            "items": [_ref(SCHEMAS.format(name=name)) for name in _parts(event)],
            "additionalItems": False,
        },
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": "0.5.0"}},
    }


def _summary(event: type[Event]) -> str:
    if event.APPENDED:
        return "Appended: its version is that of its stream, contiguous from 1."
    return "Published: its version is its event id."


def _parts(event: type[Event]) -> tuple[str, str, str]:
    """The schemas of what stands in the array."""
    sealed = _personal(event)
    return event.__name__, f"Sealed{sealed.__name__}" if sealed else "NothingSealed", "Origin"


def _personal(event: type[Event]) -> type | None:
    """The type of what is sealed in it."""
    kinds = get_args(get_type_hints(event).get("personal"))
    return next((kind for kind in kinds if kind is not type(None)), None)


def _schemas(events: Sequence[type[Event]]) -> Json:
    _, found = msgspec.json.schema_components([*events, Origin], ref_template=SCHEMAS)
    for event in events:
        found[event.__name__]["properties"].pop("personal", None)
    sealed = {kind.__name__ for event in events if (kind := _personal(event)) is not None}
    hidden = {
        f"Sealed{name}": {
            "description": _SEALED.format(of=name),
            "type": ["string", "null"],
            "format": "binary",
            "x-clear": _ref(SCHEMAS.format(name=name)),
        }
        for name in sorted(sealed)
    }
    schemas = {**found, **hidden, "NothingSealed": {"type": "null"}, "Headers": _HEADERS}
    return {name: _tidy(schema) for name, schema in sorted(schemas.items())}


def _tidy(schema: Json) -> Json:
    """Docstrings are wrapped and indented for people who read the code."""
    if "description" in schema:
        return {**schema, "description": re.sub(r"\s+", " ", schema["description"])}
    return schema


def _name(event: type[Event]) -> str:
    """What `ce_type` says of the events that are written now."""
    return names_of(event)[-1]


def _ref(to: str) -> Json:
    return {"$ref": to}


_WHOLE_NUMBER: Final = "^[0-9]+$"
_ATTRIBUTES: Final[Json] = {
    "ce_specversion": {"const": SPEC_VERSION.decode()},
    "ce_id": {
        "description": "The event id: 64 bits, later events have higher ones.",
        "type": "string",
        "pattern": _WHOLE_NUMBER,
    },
    "ce_source": {"const": SOURCE.decode()},
    "ce_type": {
        "description": "The type of the event and the schema version of its fields.",
        "type": "string",
        "pattern": r"^[a-z]+\.[a-z_]+\.v[1-9][0-9]*$",
    },
    "ce_subject": {
        "description": "The stream or register that it belongs to.",
        "type": "string",
    },
    "ce_time": {
        "description": "When it happened (an imported event: when it did elsewhere).",
        "type": "string",
        "format": "date-time",
    },
    "ce_streamversion": {
        "description": "Its version within `ce_subject`.",
        "type": "string",
        "pattern": _WHOLE_NUMBER,
    },
    "content-type": {"const": CONTENT_TYPE.decode()},
}
_KEY: Final[Json] = {
    "description": "The account that orders the event: one account's events share a partition.",
    "type": "string",
    "pattern": _WHOLE_NUMBER,
}
_HEADERS: Final[Json] = {
    "type": "object",
    "properties": _ATTRIBUTES,
    "required": list(_ATTRIBUTES),
}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
