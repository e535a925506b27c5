"""Rejects of imports hold lines as they were in the files: those of a person go with the person."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from commands.ports import Handles
from infra.importing.file_ids import ACCOUNT, source_of
from infra.importing.files import PostLine, post_of

SUFFIX: Final = ".rejects.jsonl"


def forget(folder: Path, handles: Handles, *, handle: str, source: str | None) -> int:
    """Drop every line of the rejects of all imports that a person wrote, that follows them or that
    has their handle in it; how many went."""
    return sum(
        _without(path, _TheirLine(path.name.removesuffix(SUFFIX), handles, handle, source))
        for path in sorted(folder.glob(f"*{SUFFIX}"))
    )


class _TheirLine:
    """Whether a rejected line is of the person: what files call them is known blinded only."""

    def __init__(self, namespace: str, handles: Handles, handle: str, source: str | None) -> None:
        self._namespace = namespace
        self._handles = handles
        self._source = source
        spelt = rf"(?<![a-z0-9_]){re.escape(handle)}(?![a-z0-9_])" if handle else "(?!)"
        self._handle = re.compile(spelt, re.IGNORECASE)

    def __call__(self, rejected: dict[str, Any]) -> bool:
        text = str(rejected.get("text", ""))
        return bool(self._handle.search(text)) or any(map(self._is_theirs, _file_ids(text)))

    def _is_theirs(self, file_id: str) -> bool:
        key = f"{ACCOUNT}/{file_id}"
        return self._source == source_of(self._namespace, key, self._handles)


def _file_ids(text: str) -> list[str]:
    line = post_of(0, text.encode())
    if isinstance(line, PostLine):
        return [] if line.user is None else [line.user]
    return [part.strip() for part in text.split("\t")]


def _without(path: Path, theirs: Callable[[dict[str, Any]], bool]) -> int:
    """Rewrite the file without some lines, or remove it if none is left."""
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not theirs(_object(line))]
    if len(kept) < len(lines):
        if kept:
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(b"".join(kept))
            new.replace(path)
        else:
            path.unlink()
    return len(lines) - len(kept)


def _object(line: bytes) -> dict[str, Any]:
    """A line that is cut off is shown whole."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {"text": line.decode(errors="replace")}
