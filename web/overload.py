"""Turning requests away that are too much."""

from typing import Final

from domain.errors import Unavailable

# In a request's scope: the process has too much to do already. Set by the server.
TOO_MUCH: Final = "starling.too_much"


class Overloaded(Unavailable):
    """Nothing was looked at: it can be sent again, to this process a moment later or to another."""

    name = "overloaded"
    title = "The server has too much to do now"
