"""Reading what is to be imported: posts as JSON Lines, follows as TSV, plain or gzipped.

Whatever a file has in it, a line gives a record or the reason why it is none.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeVar

import msgspec

from domain.ids import EPOCH_MS

LINE_BYTES_MAX: Final = 1 << 20
FILE_ID_CHARS_MAX: Final = 200
_GZIP_MAGIC: Final = b"\x1f\x8b"

FileId = str | int | None


class UnreadableFile(Exception):
    """The file cannot be read, or is cut off."""


class _Line(msgspec.Struct):
    id: str | int
    text: str
    user: FileId = None
    created_at: str | None = None
    in_reply_to: FileId = None


class PostLine(NamedTuple):
    """A post as a file has it: its ids are the file's. `at_ms` None: the file gives no time."""

    number: int
    id: str
    user: str | None
    at_ms: int | None
    text: str
    in_reply_to: str | None
    raw: bytes


class FollowLine(NamedTuple):
    """One person follows another, by the file's ids."""

    number: int
    follower: str
    followee: str
    raw: bytes


class Malformed(NamedTuple):
    """A line that cannot be imported, whatever is in the log."""

    number: int
    reason: str
    raw: bytes


LineT = TypeVar("LineT")
_decode: Final = msgspec.json.Decoder(_Line).decode


def read_posts(path: Path) -> Iterator[PostLine | Malformed]:
    """The posts of a file, in its order. Raises UnreadableFile."""
    return _read(path, _post)


def read_follows(path: Path) -> Iterator[FollowLine | Malformed]:
    """The follows of a file, in its order, without comments and header. Raises UnreadableFile."""
    return _read(path, _follow)


def count_lines(path: Path) -> int:
    """How many lines there are, for knowing how far one is. Raises UnreadableFile."""
    return sum(1 for _ in _lines(path))


def post_of(number: int, raw: bytes) -> PostLine | Malformed:
    """The post of one line."""
    return _post(number, raw) or Malformed(number, "The line is empty", raw)


def _read(
    path: Path, parse: Callable[[int, bytes], LineT | Malformed | None]
) -> Iterator[LineT | Malformed]:
    for number, raw in enumerate(_lines(path), start=1):
        if len(raw) > LINE_BYTES_MAX:
            yield Malformed(number, f"The line has more than {LINE_BYTES_MAX} bytes", raw[:1_000])
        elif (found := parse(number, raw)) is not None:
            yield found


def _lines(path: Path) -> Iterator[bytes]:
    """Lines without their ends; of one that is too long, its beginning."""
    try:
        with _open(path) as file:
            while line := file.readline(LINE_BYTES_MAX + 2):
                rest = line
                while rest and not rest.endswith(b"\n") and len(rest) > LINE_BYTES_MAX:
                    rest = file.readline(LINE_BYTES_MAX + 2)
                yield line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(f"{path}: {error}") from error


def _open(path: Path) -> BinaryIO | gzip.GzipFile:
    with path.open("rb") as file:
        zipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return gzip.open(path) if zipped else path.open("rb")


def _post(number: int, raw: bytes) -> PostLine | Malformed | None:
    if not raw.strip():
        return None
    try:
        line = _decode(raw)
        return PostLine(
            number=number,
            id=_required(line.id),
            user=_file_id(line.user),
            at_ms=None if line.created_at is None else _millis(line.created_at),
            text=line.text,
            in_reply_to=_file_id(line.in_reply_to),
            raw=raw,
        )
    except (msgspec.MsgspecError, ValueError) as error:
        return Malformed(number, str(error), raw)


def _follow(number: int, raw: bytes) -> FollowLine | Malformed | None:
    if not raw.strip() or raw.startswith(b"#") or (number == 1 and _is_header(raw)):
        return None
    try:
        follower, followee, *_ = (_file_id(part) for part in raw.decode().split("\t"))
        return FollowLine(number, _required(follower), _required(followee), raw)
    except ValueError:
        return Malformed(number, "The line is not follower<TAB>followee", raw)


def _is_header(raw: bytes) -> bool:
    return raw.lower().split(b"\t")[:2] in ([b"follower", b"followee"], [b"source", b"target"])


def _required(given: FileId) -> str:
    found = _file_id(given)
    if found is None:
        raise ValueError("The id is empty")
    return found


def _file_id(given: FileId) -> str | None:
    if given is None:
        return None
    found = str(given).strip()
    if len(found) > FILE_ID_CHARS_MAX:
        raise ValueError(f"An id has more than {FILE_ID_CHARS_MAX} characters")
    return found or None


def _millis(created_at: str) -> int:
    """Unix milliseconds of a time in RFC 3339; one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError as error:
        raise ValueError("created_at is not a time in RFC 3339") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    ms = round(moment.timestamp() * 1000)
    if ms < EPOCH_MS:
        raise ValueError("created_at is before ids begin, 2010-11-04T01:42:54.657Z")
    return ms
