"""Paging, the same for every list: the queries that ask for a page, and the Link header back.

Lists of posts and notifications page by item id (`PageQuery`, `window_links`); all others by an
opaque cursor (`CursorQuery`, `encode_cursor`, `decode_cursor`, `cursor_links`).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from domain.errors import Invalid
from domain.ids import ID_MAX
from web.ids import ID_PATTERN
from web.opaque import unwrap, wrap
from web.routing import Call

LIMIT_DEFAULT: Final = 20
LIMIT_MAX: Final = 100
IDS_MAX: Final = 100
CURSOR_CHARS_MAX: Final = 512
IDS_PATTERN: Final = "^[0-9]{1,40}(,[0-9]{1,40})*$"

_ID: Final = re.compile(ID_PATTERN)
_URL_SAFE: Final = "!$%&'()*+,-./:;=?@_~"
_FOREIGN: Final = ("/cursor", "This is not a cursor of this list")
_PLACES: Final = frozenset({"max_id", "since_id", "min_id", "cursor"})

T = TypeVar("T")
Headers = tuple[tuple[str, str], ...]

# `decoding.py` makes such a parameter a number, at most ID_MAX: a number too large for an id is
# an id that nothing has. Clients see a string: 64 bits do not fit into every client's numbers.
ID_TEXT: Final = {"format": "snowflake", "pattern": ID_PATTERN}
IsId: Final = Meta(extra={"snowflake": True}, extra_json_schema=ID_TEXT)
Id = Annotated[int, IsId]


class LimitQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many items are asked for: `limit` is never above LIMIT_MAX."""

    limit: Annotated[
        int, Meta(ge=1, description=f"How many items; more than {LIMIT_MAX} gives {LIMIT_MAX}")
    ] = LIMIT_DEFAULT

    def __post_init__(self) -> None:
        if self.limit > LIMIT_MAX:
            msgspec.structs.force_setattr(self, "limit", LIMIT_MAX)


class PageQuery(LimitQuery, frozen=True, kw_only=True):
    """A page by item id; the bounds are exclusive: `Window(*query.bounds)`."""

    max_id: Annotated[Id | None, Meta(description="Only items below this id")] = None
    since_id: Annotated[
        Id | None, Meta(description="Only items above this id, the newest of them")
    ] = None
    min_id: Annotated[Id | None, Meta(description="The items next above this id")] = None

    @property
    def bounds(self) -> tuple[int | None, int | None, int | None]:
        """`max_id`, `since_id`, `min_id`, in the order of `projections.windows.Window`."""
        return self.max_id, self.since_id, self.min_id


class CursorQuery(LimitQuery, frozen=True, kw_only=True):
    """A page of a list that only its Link header leads through."""

    cursor: Annotated[
        Annotated[str, Meta(max_length=CURSOR_CHARS_MAX)] | None,
        Meta(description="Where to go on: taken from the Link header, never made by hand"),
    ] = None


class IdsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Objects by id, at most IDS_MAX: `ids` repeated, or comma-separated, or both."""

    ids: Annotated[
        tuple[Annotated[str, Meta(pattern=IDS_PATTERN)], ...],
        Meta(min_length=1, max_length=IDS_MAX, description=f"At most {IDS_MAX} ids"),
    ]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The ids in the order asked for, each once. Raises Invalid if there are too many."""
        return distinct_ids(self.ids, "/ids")


def distinct_ids(values: tuple[str, ...], pointer: str) -> tuple[int, ...]:
    """Comma-separated decimal ids as numbers, each once, in order. Raises Invalid at `pointer`."""
    texts = [text for value in values for text in value.split(",")]
    if not all(_ID.fullmatch(text) for text in texts):
        raise Invalid((pointer, "Must be decimal ids"))
    numbers = tuple(dict.fromkeys(min(int(text), ID_MAX) for text in texts))
    if len(numbers) > IDS_MAX:
        raise Invalid((pointer, f"At most {IDS_MAX} ids"))
    return numbers


def window_links(call: Call, *, newest: int | None, oldest: int | None, more: bool) -> Headers:
    """The Link header of a page that was asked for by a PageQuery.

    `newest` and `oldest` are the page's highest and lowest item ids (None: an empty page, which
    links nowhere); `more` says whether the page was cut, so that the way it was read goes on.
    """
    if newest is None or oldest is None:
        return ()
    query: PageQuery = call.query
    here = _list_of(call.url_path, call.query_string)
    links = [_link(here, f"min_id={newest}", "prev")]
    # A page read upwards stands above the item it was asked from: there is always one below.
    if more or query.min_id is not None:
        # Below the page still means above `since_id`, the end of what the client asked for.
        since = "" if query.since_id is None else f"&since_id={query.since_id}"
        links.insert(0, _link(here, f"max_id={oldest}{since}", "next"))
    return (("Link", ", ".join(links)),)


def cursor_links(call: Call, *, after: str | None, before: str | None = None) -> Headers:
    """The Link header of a page in a list with cursors: where it goes on, and where it came from.

    Both are made by `encode_cursor`; None links nowhere.
    """
    ways = ((after, "next"), (before, "prev"))
    here = _list_of(call.url_path, call.query_string)
    links = [_link(here, f"cursor={place}", rel) for place, rel in ways if place is not None]
    return (("Link", ", ".join(links)),) if links else ()


def encode_cursor(place: object, *, of: str) -> str:
    """`place` (anything msgpack takes) in the list named `of`, as a URL-safe string."""
    return wrap(msgspec.msgpack.encode(place), of=of)


def decode_cursor(cursor: str, kind: type[T], *, of: str) -> T:
    """The place that `encode_cursor` was given.

    Raises Invalid for a cursor that was changed, made by another list, or made up: one that names
    a number beyond all ids, which no store could look for.
    """
    try:
        place = msgspec.msgpack.decode(unwrap(cursor, of=of), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid(_FOREIGN) from error
    parts = place if isinstance(place, tuple) else (place,)
    if any(isinstance(part, int) and part > ID_MAX for part in parts):
        raise Invalid(_FOREIGN)
    return place


def _link(here: str, place: str, rel: str) -> str:
    return f'<{here}{place}>; rel="{rel}"'


@lru_cache(maxsize=1_024)
def _list_of(url_path: str, query_string: str) -> str:
    """A reference to the list to which a place in it is added."""
    kept = "".join(f"{parameter}&" for parameter in _kept(query_string))
    return f"{quote(url_path, safe=_URL_SAFE)}?{quote(kept, safe=_URL_SAFE)}"


def _kept(query_string: str) -> Iterator[str]:
    """The parameters that every page of the list shares."""
    for parameter in query_string.split("&"):
        if parameter and parameter.partition("=")[0] not in _PLACES:
            yield parameter
