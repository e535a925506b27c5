"""Routes as data: a table says what a path takes, answers and needs; `app.py` does the rest."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from domain.errors import NotSignedIn
from domain.ids import AccountId
from domain.positions import Vector


class Auth(Enum):
    """Who may ask."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"
    ADMIN = "admin"


class Identity(NamedTuple):
    """Who a verified access token speaks for."""

    account_id: AccountId
    session_id: str
    scopes: frozenset[str]


class Reply(NamedTuple):
    """An answer; `body` is finished JSON (or `media_type`) bytes. `vector` becomes the token."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    vector: Vector | None = None
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was authenticated, limited, decoded and validated.

    `query` and `body` are instances of the route's types; `vector` merges the tokens it was sent.
    """

    identity: Identity | None
    path: Mapping[str, Any]
    query: Any
    body: Any
    headers: Mapping[str, str]
    vector: Vector
    fingerprint: bytes = b""
    url_path: str = ""
    query_string: str = ""
    wait_s: float = 2.0

    @property
    def account_id(self) -> AccountId:
        """The signed-in account. Raises NotSignedIn on a route that does not require one."""
        if self.identity is None:
            raise NotSignedIn
        return self.identity.account_id

    @property
    def session_id(self) -> str:
        """The session that asks. Raises NotSignedIn on a route that does not require one."""
        if self.identity is None:
            raise NotSignedIn
        return self.identity.session_id

    @property
    def reader_id(self) -> AccountId | None:
        """The signed-in account, if any."""
        return None if self.identity is None else self.identity.account_id


Endpoint = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path.

    `{name}` in `path` is text, `{name:id}` a snowflake. `uses` names the projections whose
    positions the consistency tokens are held against. `answers` maps a status to the type of its
    body (None: no body; a media type: a body that is not JSON). `errors` lists the statuses of
    problems it may answer, for the document.
    `limit` names its rate limit in `limits.py` (default: by method); `limit_by` picks from the
    body what is limited besides the person and the address; probes are not `limited` at all.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    auth: Auth = Auth.REQUIRED
    body: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    answers: Mapping[int, Any] = field(default_factory=lambda: {200: None})
    uses: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    tag: str = ""
    idempotent_key: bool = False
    limit: str | None = None
    limit_by: Callable[[Any], str] | None = None
    limited: bool = True

    @property
    def is_view(self) -> bool:
        """Whether it shows what projections have, and nothing else."""
        return self.method == "GET" and bool(self.uses)
