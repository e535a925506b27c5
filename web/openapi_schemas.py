"""JSON Schemas of the OpenAPI document, from msgspec's with what the edge adds to them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

Json = dict[str, Any]

_REF: Final = "#/components/schemas/"
NO_NUL: Final = "^[^\\u0000]*$"


class Schemas:
    """The schemas of all bodies and answers; what several share is a component."""

    def __init__(self, types: tuple[Sequence[Any], Sequence[Any]]) -> None:
        bodies, answers = types
        schemas, self.components = msgspec.json.schema_components(
            [*bodies, *answers], ref_template=_REF + "{name}"
        )
        self._of = dict(zip([*bodies, *answers], schemas, strict=True))
        asked = self._reachable(schemas[: len(bodies)])
        for name in sorted(self.components.keys() & asked):
            _refuse_nul(self.components[name])
        for name in sorted(self._reachable(schemas[len(bodies) :]) - asked):
            _promise_defaults(self.components[name])

    def of(self, kind: Any) -> Json:
        """The schema of a type that was given at the start."""
        schema: Json = self._of[kind]
        return schema

    def _reachable(self, schemas: Sequence[Json]) -> set[str]:
        found: set[str] = set()
        waiting = [name for schema in schemas for name in _references(schema)]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(_references(self.components[name]))
        return found


def parameter_schemas(query: type[msgspec.Struct]) -> Iterator[tuple[str, Json, bool]]:
    """Each parameter of a query: its name, its schema and whether it is required."""
    schema = msgspec.json.schema(query)
    described = schema["$defs"][query.__name__]
    for name, given in described["properties"].items():
        member = _as_sent(given)
        _refuse_nul(member)
        yield name, member, name in described["required"]


def _as_sent(given: Json) -> Json:
    """The schema without null, which a query cannot say; ids are strings."""
    schema = dict(given)
    variants = [v for v in schema.pop("anyOf", ()) if v != {"type": "null"}]
    if len(variants) == 1:
        schema = {**variants[0], **schema}
    if schema.get("default", schema) is None:
        del schema["default"]
    if schema.get("format") == "snowflake":
        del schema["format"]
        schema["type"] = "string"
    return schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_REF)
        schema = list(schema.values())
    if isinstance(schema, list):
        for member in schema:
            yield from _references(member)


def _refuse_nul(schema: Any) -> None:
    """Say of every free text in a request what `decoding.py` holds it to."""
    if isinstance(schema, dict):
        if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "format"}:
            schema["pattern"] = NO_NUL
        schema = list(schema.values())
    if isinstance(schema, list):
        for member in schema:
            _refuse_nul(member)


def _promise_defaults(schema: Json) -> None:
    """An answer has its members with a default too: msgspec takes those for optional."""
    properties: Json = schema.get("properties", {})
    given = [name for name, member in properties.items() if "default" in member]
    if given:
        schema["required"] = [*schema["required"], *given]
    for name in given:
        del properties[name]["default"]
