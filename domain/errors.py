"""Refusals: expected ways in which a request is turned down. Each is named for the fact.

`name` is stable: it ends the problem's `type` URI (RFC 9457) and clients may rely on it. Which
HTTP status a refusal gets is decided in one table, in `web/problems.py`.
"""

from typing import ClassVar


class Refusal(Exception):
    """A request was understood and turned down; nothing was changed."""

    name: ClassVar[str] = "refused"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


class Invalid(Refusal):
    """Fields of the request break a rule: one (JSON pointer, detail) for each."""

    name = "invalid"
    title = "The request is not valid"

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(detail for _, detail in errors))
        self.errors = errors


class NotSignedIn(Refusal):
    name = "not-signed-in"
    title = "A valid access token is needed"


class WrongCredentials(Refusal):
    name = "wrong-credentials"
    title = "The handle or the password is wrong"


class NotAllowed(Refusal):
    name = "not-allowed"
    title = "This is not yours to do"


class Blocked(Refusal):
    name = "blocked"
    title = "A block stands between the two accounts"


class Suspended(Refusal):
    name = "suspended"
    title = "The account is suspended"


class PostNotFound(Refusal):
    name = "post-not-found"
    title = "There is no such post"


class AccountNotFound(Refusal):
    name = "account-not-found"
    title = "There is no such account"


class NotFound(Refusal):
    name = "not-found"
    title = "There is nothing here"


class HandleTaken(Refusal):
    name = "handle-taken"
    title = "The handle is taken"


class Conflict(Refusal):
    """Concurrent commands on one stream kept winning; the client may try again."""

    name = "conflict"
    title = "Something else changed this at the same time"


class StaleVersion(Refusal):
    name = "stale-version"
    title = "The post was changed since the version that If-Match names"


class VersionRequired(Refusal):
    name = "version-required"
    title = "If-Match is needed to edit"


class KeyReused(Refusal):
    name = "idempotency-key-reused"
    title = "The Idempotency-Key was used with another request"


class KeyInProgress(Refusal):
    name = "idempotency-key-in-progress"
    title = "The first request with this Idempotency-Key is still running"


class TooManyRequests(Refusal):
    name = "too-many-requests"
    title = "Too many requests"

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__(f"Try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Unavailable(Refusal):
    """Something this request needs cannot be reached now."""

    name = "unavailable"
    title = "Something that this request needs cannot be reached now"


class ProjectionBehind(Unavailable):
    name = "projection-behind"
    title = "What was asked for has not reached this view yet"


class NotBuiltYet(Refusal):
    name = "not-built-yet"
    title = "This is not built yet"
