"""Refusals and faults as RFC 9457 problem documents: the one table from refusal to status."""

from typing import Final

import msgspec

from domain import errors
from web.overload import Overloaded
from web.routing import Reply

PROBLEM_JSON: Final = "application/problem+json"
UNAVAILABLE_RETRY_S: Final = 1

STATUS: Final[dict[type[errors.Refusal], int]] = {
    errors.Invalid: 422,
    errors.NotSignedIn: 401,
    errors.WrongCredentials: 401,
    errors.NotAllowed: 403,
    errors.Blocked: 403,
    errors.Suspended: 403,
    errors.PostNotFound: 404,
    errors.AccountNotFound: 404,
    errors.NotFound: 404,
    errors.HandleTaken: 409,
    errors.Conflict: 409,
    errors.KeyInProgress: 409,
    errors.KeyReused: 422,
    errors.StaleVersion: 412,
    errors.VersionRequired: 428,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.ProjectionBehind: 503,
    errors.NotBuiltYet: 501,
}


class BadRequest(errors.Refusal):
    """The request cannot even be read: not JSON, not UTF-8, an unreadable token."""

    name = "malformed"
    title = "The request cannot be read"


class TooLarge(errors.Refusal):
    name = "too-large"
    title = "The request is too large"


class UnsupportedMediaType(errors.Refusal):
    name = "unsupported-media-type"
    title = "The body must be application/json"


class MethodNotAllowed(errors.Refusal):
    name = "method-not-allowed"
    title = "This method is not for this path"


class LimitReached(errors.TooManyRequests):
    """A rate limit of the HTTP edge; `fields` describe it to clients that adapt."""

    def __init__(self, *, retry_after_s: int, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.fields = fields


class InternalError(errors.Refusal):
    """Ours to mend. The log has the cause under the answer's Request-Id."""

    name = "internal-error"
    title = "Something went wrong on our side"


STATUS.update(
    {
        BadRequest: 400,
        MethodNotAllowed: 405,
        TooLarge: 413,
        UnsupportedMediaType: 415,
        LimitReached: 429,
        InternalError: 500,
        Overloaded: 503,
    }
)


class FieldProblem(msgspec.Struct, frozen=True):
    """`pointer` is a JSON pointer (RFC 6901) into the body, or "/" and a parameter's name."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was turned down (RFC 9457). Programs go by `type`, people read `detail`."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] | msgspec.UnsetType = msgspec.UNSET


def problem(refusal: errors.Refusal) -> Reply:
    """The problem document of a refusal, with the headers its status asks for."""
    status = STATUS[type(refusal)]
    fields = refusal.errors if isinstance(refusal, errors.Invalid) else ()
    document = Problem(
        type=f"/problems/{refusal.name}",
        title=refusal.title,
        status=status,
        detail=refusal.detail,
        errors=tuple(FieldProblem(*field) for field in fields) or msgspec.UNSET,
    )
    body = msgspec.json.encode(document)
    return Reply(status, body, _headers(refusal, status), None, PROBLEM_JSON)


def _headers(refusal: errors.Refusal, status: int) -> tuple[tuple[str, str], ...]:
    if isinstance(refusal, errors.TooManyRequests):
        fields = refusal.fields if isinstance(refusal, LimitReached) else ()
        return (("Retry-After", str(refusal.retry_after_s)), *fields)
    if status == 503:
        return (("Retry-After", str(UNAVAILABLE_RETRY_S)),)
    if isinstance(refusal, errors.NotSignedIn):
        return (("WWW-Authenticate", 'Bearer error="invalid_token"'),)
    if status == 401:
        return (("WWW-Authenticate", "Bearer"),)
    return ()
