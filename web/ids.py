"""Ids as clients write them in bodies: decimal strings."""

from typing import Annotated, Final

from msgspec import Meta

from domain.ids import ID_MAX

ID_PATTERN: Final = "^[0-9]{1,40}$"
IdText = Annotated[str, Meta(pattern=ID_PATTERN, examples=["1212092628029698048"])]


def id_of(text: IdText) -> int:
    """The id; as in paths, a number too large for one is an id that nothing has."""
    return min(int(text), ID_MAX)
