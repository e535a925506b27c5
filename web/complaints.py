"""msgspec's complaints as problem details: an exact RFC 6901 pointer and words for a person."""

import re
from typing import Final

NAME_CHARS_MAX: Final = 64

_UNKNOWN: Final = re.compile(
    r"Object contains unknown field `(?P<name>.*?)`(?: - at `(?P<path>\$[\w.\[\]]*)`)?", re.DOTALL
)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>.*)`")
_AT: Final = re.compile(r"(?P<detail>.*) - at `(?P<path>\$[\w.\[\]]*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]")

_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time (RFC 3339)",
    "date": "a date (YYYY-MM-DD)",
}
_WRONG_TYPE: Final = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_BOUND: Final = re.compile(
    r"Expected `(?P<type>\w+)`(?P<length> of length)? (?P<sign>>=|<=|>|<) (?P<number>\S+)"
)
_PATTERN: Final = re.compile(r"Expected `str` matching regex (?P<regex>.*)")
_ENUM: Final = re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL)
_OUT_OF_RANGE: Final = re.compile(r"(?:Integer value|Number) out of range")
_QUOTES: Final = "'\""
_SIGNS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_UNITS: Final = {"str": " characters", "array": " items", "object": " members"}


def pointed(message: str) -> tuple[str, str]:
    """The message as (JSON pointer, detail)."""
    if unknown := _UNKNOWN.fullmatch(message):
        parent = _pointer(unknown["path"] or "$")
        return f"{parent}/{_escaped(unknown['name'])}", "There is no such field"
    at = _AT.fullmatch(message)
    parent = "" if at is None else _pointer(at["path"])
    detail = message if at is None else at["detail"]
    if missing := _MISSING.fullmatch(detail):
        return f"{parent}/{_escaped(missing['name'])}", "This field is needed"
    return parent, _worded(detail)


def not_json(message: str) -> str:
    """The complaint about a body that is not JSON, as a detail."""
    reason = message.removeprefix("JSON is malformed: ")
    if reason == "Input data was truncated":
        reason = "it ends too early, or a surrogate pair has no second half"
    return f"The body is not JSON: {reason}"


def _pointer(path: str) -> str:
    """`$.media_ids[0]` as `/media_ids/0`. Struct fields are words; `[...]` is any member."""
    steps = (step["name"] or step["index"] for step in _STEP.finditer(path))
    return "".join(f"/{step}" for step in steps)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _worded(detail: str) -> str:
    if wrong := _WRONG_TYPE.fullmatch(detail):
        return f"Must be {_types(wrong['wanted'])}, not {_types(wrong['got'])}"
    if bound := _BOUND.fullmatch(detail):
        unit = _UNITS.get(bound["type"], "") if bound["length"] else ""
        return f"Must {'have' if unit else 'be'} {_SIGNS[bound['sign']]} {bound['number']}{unit}"
    if pattern := _PATTERN.fullmatch(detail):
        return f"Must match {pattern['regex'].strip(_QUOTES)}"
    if value := _ENUM.fullmatch(detail):
        return f"{value['value'][:NAME_CHARS_MAX]} is not one of the values this can have"
    if _OUT_OF_RANGE.fullmatch(detail):
        return "The number is out of range"
    return detail


def _types(names: str) -> str:
    known = [_TYPES.get(name, name) for name in names.split(" | ")]
    return " or ".join(known)
