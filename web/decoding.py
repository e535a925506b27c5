"""Bodies and queries into typed values, with a precise refusal for whatever is wrong."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from domain.errors import Invalid
from domain.ids import ID_MAX
from web.complaints import not_json, pointed
from web.problems import BadRequest, UnsupportedMediaType

WAIT_S_DEFAULT: Final = 2.0
WAIT_S_MAX: Final = 10.0
PARAMETERS_MAX: Final = 200

_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?![^\s,;])")
_INTEGER: Final = re.compile(r"-?[0-9]{1,40}")
_DIGITS: Final = re.compile(r"[0-9]{1,40}")
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
_NUL: Final = "A NUL character cannot be stored"

Read = Callable[[str], Any]


class _Parameter(NamedTuple):
    read: Read
    repeated: bool


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_parameters: dict[type, Mapping[str, _Parameter]] = {}


def decode_body(kind: type[msgspec.Struct] | None, raw: bytes, content_type: str | None) -> Any:
    """The body as `kind`; it may be left out where all of its fields may.

    Raises UnsupportedMediaType, BadRequest (no JSON), Invalid (422).
    """
    if kind is None:
        return None
    if not raw and may_be_left_out(kind):
        return kind()
    if content_type != "application/json":
        _check_media_type(content_type, raw)
    body = _decoded(kind, raw)
    if b"\\u0000" in raw:
        _refuse_nul(msgspec.to_builtins(body), "")
    return body


def may_be_left_out(kind: type[msgspec.Struct]) -> bool:
    """Whether a body of this kind says nothing that has to be said."""
    return not any(field.required for field in msgspec.structs.fields(kind))


@cache
def _of_nothing(kind: type[msgspec.Struct]) -> Any:
    """Queries are frozen: many requests may share one. Raises Invalid."""
    return _convert({}, kind)


def decode_query(kind: type[msgspec.Struct] | None, raw: bytes) -> Any:
    """The query as `kind`; parameters it does not know are ignored. Raises BadRequest, Invalid."""
    if kind is None:
        return None
    if not raw:
        return _of_nothing(kind)
    try:
        pairs = parse_qsl(
            raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=PARAMETERS_MAX
        )
    except ValueError as error:
        raise BadRequest("The query cannot be read") from error
    known = _parameters.get(kind)
    if known is None:
        known = _parameters[kind] = _parameters_of(kind)
    values: dict[str, Any] = {}
    for name, text in pairs:
        parameter = known.get(name)
        if parameter is None:
            continue
        value = _read(name, text, parameter)
        if parameter.repeated:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return _convert(values, kind)


def wait_seconds(prefer: str | None) -> float:
    """How long a read may wait for its tokens: `Prefer: wait=N`, at most 10 s."""
    found = _WAIT.search(prefer) if prefer else None
    return WAIT_S_DEFAULT if found is None else min(float(found[1]), WAIT_S_MAX)


def _decoded(kind: type[msgspec.Struct], raw: bytes) -> Any:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Invalid(pointed(str(error))) from error
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(not_json(str(error))) from error


def _check_media_type(content_type: str | None, raw: bytes) -> None:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return
    if not raw and not media_type:
        raise BadRequest("A body is needed")
    raise UnsupportedMediaType


def _convert(values: Mapping[str, Any], kind: type[msgspec.Struct]) -> Any:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise Invalid(pointed(str(error))) from error


def _read(name: str, text: str, parameter: _Parameter) -> Any:
    if "\0" in text:
        raise Invalid((f"/{name}", _NUL))
    try:
        return parameter.read(text)
    except ValueError as error:
        raise Invalid((f"/{name}", str(error))) from error


def _parameters_of(kind: type[msgspec.Struct]) -> Mapping[str, _Parameter]:
    described = inspect.type_info(kind)
    fields = described.fields if isinstance(described, inspect.StructType) else ()
    return {field.encode_name: _parameter(field.type) for field in fields}


def _parameter(kind: inspect.Type) -> _Parameter:
    match kind:
        case inspect.Metadata(extra={"snowflake": True}):
            return _Parameter(_snowflake, repeated=False)
        case inspect.Metadata(type=inner) | inspect.UnionType(types=(inner, inspect.NoneType())):
            return _parameter(inner)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return _Parameter(_parameter(item).read, repeated=True)
        case _:
            return _Parameter(_READS.get(type(kind), str), repeated=False)


def _snowflake(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise ValueError("Must be a decimal id")
    return min(int(text), ID_MAX)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("Must be a whole number")
    return int(text)


def _boolean(text: str) -> bool:
    try:
        return _TRUTH[text]
    except KeyError:
        raise ValueError("Must be true or false") from None


_READS: Final[Mapping[type[inspect.Type], Read]] = {
    inspect.IntType: _integer,
    inspect.BoolType: _boolean,
}


def _refuse_nul(value: Any, pointer: str) -> None:
    match value:
        case str() if "\0" in value:
            raise Invalid((pointer, _NUL))
        case dict():
            for name, member in value.items():
                _refuse_nul(member, f"{pointer}/{name}")
        case list() | tuple():
            for index, item in enumerate(value):
                _refuse_nul(item, f"{pointer}/{index}")
        case _:
            pass
