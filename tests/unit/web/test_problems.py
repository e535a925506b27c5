"""Problems: every refusal has a status, a stable type and the fields its status asks for."""

from collections.abc import Iterator

import pytest

from domain import errors
from domain.errors import Refusal
from web import failures, limits  # noqa: F401 - every module that may define a refusal
from web.problems import STATUS, LimitReached, problem


def refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for child in kind.__subclasses__():
        yield child
        yield from refusals(child)


def made(kind: type[Refusal]) -> Refusal:
    if issubclass(kind, errors.Invalid):
        return kind(("/a~1b", "wrong"))
    if issubclass(kind, LimitReached):
        return kind(retry_after_s=3, fields=(("RateLimit", "x"),))
    if issubclass(kind, errors.TooManyRequests):
        return kind(retry_after_s=3)
    return kind("because")


@pytest.mark.parametrize("kind", sorted(refusals(), key=str))
def test_every_refusal_is_a_problem(kind: type[Refusal]) -> None:
    if not kind.__module__.startswith(("domain.", "web.")):
        pytest.skip("a test's own")

    reply = problem(made(kind))

    assert 400 <= reply.status < 600
    assert reply.media_type == "application/problem+json"
    assert kind.name != Refusal.name
    fields = dict(reply.headers)
    assert ("Retry-After" in fields) == (reply.status in {429, 503})
    assert ("WWW-Authenticate" in fields) == (reply.status == 401)


def test_names_are_lower_case_words() -> None:
    assert all(kind.name.replace("-", "").isalpha() and kind.name.islower() for kind in STATUS)


def test_invalid_fields_are_listed() -> None:
    reply = problem(errors.Invalid(("/text", "too long"), ("/x", "unknown")))

    assert reply.status == 422
    assert b'"errors":[{"pointer":"/text","detail":"too long"},{"pointer":"/x"' in reply.body
