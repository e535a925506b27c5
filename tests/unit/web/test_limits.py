"""Rate limits: bursts, refills, whose bucket it is, and what clients are told."""

from typing import Any

import msgspec
import pytest

from domain.errors import TooManyRequests
from domain.ids import AccountId
from tests.clock import Clock
from web import problems
from web.app import HeaderFields
from web.limits import POLICIES, Policy, RateLimits
from web.routing import Auth, Call, Identity, Route

ADDRESS, ELSEWHERE = "192.0.2.1", "192.0.2.2"


class Body(msgspec.Struct):
    handle: str


async def endpoint(_call: Call) -> None:
    """Limits never call it."""


def route(method: str = "POST", limit: str | None = "few", *, by_handle: bool = False) -> Route:
    return Route(
        method=method,
        path="/",
        endpoint=endpoint,
        summary="",
        auth=Auth.OPTIONAL,
        limit=limit,
        limit_by=_handle_of if by_handle else None,
    )


def _handle_of(body: Any) -> str:
    return str(body.handle)


def person(account_id: int) -> Identity:
    return Identity(AccountId(account_id), "session", frozenset())


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000.0)


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    few = Policy("few", burst=3, window_s=30, per_address=2, per_subject=2)
    return RateLimits(policies={**POLICIES, "few": few}, clock=clock, buckets_max=100)


def told(fields: HeaderFields) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields}


def test_a_burst_is_let_through_and_then_no_more(limits: RateLimits) -> None:
    for _ in range(3):
        limits.check(route(), None, ADDRESS)

    with pytest.raises(TooManyRequests) as refused:
        limits.check(route(), None, ADDRESS)

    assert refused.value.retry_after_s == 10


def test_the_bucket_fills_evenly_and_never_over(limits: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        limits.check(route(), None, ADDRESS)

    clock.now += 10
    limits.check(route(), None, ADDRESS)
    clock.now += 9.9
    with pytest.raises(TooManyRequests) as refused:
        limits.check(route(), None, ADDRESS)
    assert refused.value.retry_after_s == 1

    clock.now += 10_000
    for _ in range(3):
        limits.check(route(), None, ADDRESS)
    with pytest.raises(TooManyRequests):
        limits.check(route(), None, ADDRESS)


def test_who_waits_as_told_is_let_through(limits: RateLimits, clock: Clock) -> None:
    for _ in range(20):
        try:
            limits.check(route(), None, ADDRESS)
        except TooManyRequests as refused:
            clock.now += refused.retry_after_s
            limits.check(route(), None, ADDRESS)


def test_a_refused_request_costs_nothing(limits: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        limits.check(route(), None, ADDRESS)
    for _ in range(50):
        with pytest.raises(TooManyRequests):
            limits.check(route(), None, ADDRESS)

    clock.now += 10
    limits.check(route(), None, ADDRESS)


def test_addresses_and_people_have_their_own(limits: RateLimits) -> None:
    for identity, address in (
        (None, ADDRESS),
        (None, ELSEWHERE),
        (person(1), "192.0.2.3"),
        (person(2), "192.0.2.4"),
    ):
        for _ in range(3):
            limits.check(route(), identity, address)
        with pytest.raises(TooManyRequests):
            limits.check(route(), identity, address)


def test_a_person_is_limited_wherever_they_are(limits: RateLimits) -> None:
    for number in range(3):
        limits.check(route(), person(1), f"192.0.2.{number}")

    with pytest.raises(TooManyRequests):
        limits.check(route(), person(1), "192.0.2.99")


def test_an_address_is_limited_whoever_is_there(limits: RateLimits) -> None:
    for number in range(6):
        limits.check(route(), person(number), ADDRESS)

    with pytest.raises(TooManyRequests):
        limits.check(route(), person(99), ADDRESS)
    limits.check(route(), person(99), ELSEWHERE)


def test_what_the_body_is_about_is_limited_from_everywhere(limits: RateLimits) -> None:
    for _ in range(2):
        limits.check_body(route(by_handle=True), Body("ada"))

    with pytest.raises(TooManyRequests):
        limits.check_body(route(by_handle=True), Body("ada"))
    limits.check_body(route(by_handle=True), Body("bob"))
    limits.check_body(route(), Body("ada"))


def test_a_household_of_ipv6_addresses_counts_as_one(limits: RateLimits) -> None:
    for number in range(3):
        limits.check(route(), None, f"2001:db8:1:2::{number}")

    with pytest.raises(TooManyRequests):
        limits.check(route(), None, "2001:db8:1:2:ffff::1")
    limits.check(route(), None, "2001:db8:1:3::1")


def test_one_ipv4_address_is_one_however_it_is_written(limits: RateLimits) -> None:
    for address in (ADDRESS, f"::ffff:{ADDRESS}", ADDRESS):
        limits.check(route(), None, address)

    with pytest.raises(TooManyRequests):
        limits.check(route(), None, f"::ffff:{ADDRESS}")


@pytest.mark.parametrize("address", ["", "testclient", "fe80::1%eth0", "not an address"])
def test_any_address_can_be_counted(limits: RateLimits, address: str) -> None:
    limits.check(route(), None, address)


def test_reads_and_commands_have_limits_of_their_own(limits: RateLimits) -> None:
    read = told(limits.check(route("GET", None), person(1), ADDRESS))
    command = told(limits.check(route("POST", None), person(1), ADDRESS))

    assert read["RateLimit-Policy"] == '"reads";q=900;w=60'
    assert command["RateLimit-Policy"] == '"commands";q=300;w=60'


def test_clients_are_told_what_is_left(limits: RateLimits) -> None:
    answers = [told(limits.check(route(), None, ADDRESS)) for _ in range(3)]

    assert [answer["RateLimit"] for answer in answers] == [
        '"few";r=2;t=10',
        '"few";r=1;t=20',
        '"few";r=0;t=30',
    ]
    with pytest.raises(TooManyRequests) as refused:
        limits.check(route(), None, ADDRESS)
    headers = dict(problems.problem(refused.value).headers)
    assert headers == {
        "Retry-After": "10",
        "RateLimit-Policy": '"few";q=3;w=30',
        "RateLimit": '"few";r=0;t=10',
    }


def test_memory_is_bounded(limits: RateLimits) -> None:
    for _ in range(3):
        limits.check(route(), None, ADDRESS)
    for number in range(1_000):
        limits.check(route(), None, f"host-{number}")

    assert limits.buckets == 100
    limits.check(route(), None, ADDRESS)  # forgotten: the price of the bound


def test_switched_off_nothing_is_counted() -> None:
    limits = RateLimits(enabled=False)

    for _ in range(5_000):
        assert list(limits.check(route(limit="sign-in"), None, ADDRESS)) == []
        limits.check_body(route(limit="sign-in", by_handle=True), Body("ada"))


def test_every_policy_lets_something_through() -> None:
    assert all(p.burst > 0 and p.window_s > 0 and p.per_address > 0 for p in POLICIES.values())
