"""Finds what serves a path in one walk over its segments, however many paths there are."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from domain.ids import ID_MAX

T = TypeVar("T")
Convert = Callable[[str], Any]

ID_DIGITS_MAX: Final = 40
PARAMETER: Final = re.compile(r"\{(?P<name>\w+)(?::(?P<kind>\w+))?\}")
_NO_PARAMETERS: Final[Mapping[str, Any]] = {}


def _text(segment: str) -> str | None:
    return segment or None


def _id(segment: str) -> int | None:
    """Any digits; a number too large for an id is an id that nothing has."""
    if segment.isascii() and segment.isdigit() and len(segment) <= ID_DIGITS_MAX:
        return min(int(segment), ID_MAX)
    return None


CONVERT: Final[Mapping[str | None, Convert]] = {None: _text, "str": _text, "id": _id}


class _Node(Generic[T]):
    """What may follow the segments so far: fixed ones first, then parameters in their order."""

    __slots__ = ("fixed", "parameters", "target")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node[T]] = {}
        self.parameters: list[tuple[str, Convert, _Node[T]]] = []
        self.target: T | None = None


class Paths(Generic[T]):
    """Path templates and what is found at them."""

    def __init__(self, targets: Mapping[str, T]) -> None:
        self._exact = {path: target for path, target in targets.items() if "{" not in path}
        self._root: _Node[T] = _Node()
        for template, target in targets.items():
            if template not in self._exact:
                self._grow(template).target = target

    def find(self, path: str) -> tuple[T, Mapping[str, Any]] | None:
        """The target of the template that `path` fits, and its parameters."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, _NO_PARAMETERS
        found: dict[str, Any] = {}
        target = _walk(self._root, path.split("/"), 0, found)
        return None if target is None else (target, found)

    def _grow(self, template: str) -> _Node[T]:
        node = self._root
        for segment in template.split("/"):
            parameter = PARAMETER.fullmatch(segment)
            if parameter is None:
                node = node.fixed.setdefault(segment, _Node())
            else:
                node = _parameter_of(node, parameter["name"], CONVERT[parameter["kind"]])
        return node


def _parameter_of(node: _Node[T], name: str, convert: Convert) -> _Node[T]:
    for known_name, known_convert, child in node.parameters:
        if (known_name, known_convert) == (name, convert):
            return child
    child = _Node()
    node.parameters.append((name, convert, child))
    return child


def _walk(node: _Node[T], segments: list[str], at: int, found: dict[str, Any]) -> T | None:
    if at == len(segments):
        return node.target
    segment = segments[at]
    child = node.fixed.get(segment)
    if child is not None:
        target = _walk(child, segments, at + 1, found)
        if target is not None:
            return target
    for name, convert, child in node.parameters:
        value = convert(segment)
        if value is None:
            continue
        target = _walk(child, segments, at + 1, found)
        if target is not None:
            found[name] = value
            return target
    return None
