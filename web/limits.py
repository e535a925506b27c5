"""Rate limits per person, per address and per handle signed in to: token buckets in memory.

A bucket is one number, the moment at which it will be full again (the generic cell rate
algorithm), so a million requests to refuse cost no more than one.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil
from typing import Any, Final, NamedTuple

from web.app import HeaderFields
from web.problems import LimitReached
from web.routing import Identity, Route

BUCKETS_MAX: Final = 200_000
IPV6_NETWORK_BITS: Final = 64  # one household or server has as many addresses as it likes
SUBJECT_CHARS_MAX: Final = 64


class Policy(NamedTuple):
    """So many requests at once (`burst`), coming back evenly over `window_s` seconds.

    For a person; many people may share an address, so it has `per_address` times as much where
    they are signed in. `per_subject` is the burst for what `Route.limit_by` picks.
    """

    name: str
    burst: int
    window_s: int
    per_address: int = 1
    per_subject: int = 0


COMMANDS: Final = Policy("commands", burst=300, window_s=60, per_address=10)
READS: Final = Policy("reads", burst=900, window_s=60, per_address=10)
POLICIES: Final[Mapping[str, Policy]] = {
    policy.name: policy
    for policy in (
        COMMANDS,
        READS,
        Policy("sign-up", burst=30, window_s=600),
        Policy("sign-in", burst=60, window_s=300, per_subject=15),
        Policy("refresh", burst=60, window_s=60),
        Policy("password", burst=10, window_s=300, per_address=10),
    )
}
_NOTHING: Final[HeaderFields] = ()


class _Taken(NamedTuple):
    left: int
    full_in_s: float
    retry_after_s: float


class RateLimits:
    """Implements `web.app.Limits`. Used by one thread, the event loop's."""

    def __init__(
        self,
        *,
        enabled: bool = True,
        policies: Mapping[str, Policy] = POLICIES,
        clock: Callable[[], float] = time.monotonic,
        buckets_max: int = BUCKETS_MAX,
    ) -> None:
        self._enabled = enabled
        self._policies = policies
        self._clock = clock
        self._buckets_max = buckets_max
        self._full_at: OrderedDict[tuple[str, str | int], float] = OrderedDict()

    @property
    def buckets(self) -> int:
        """How many are remembered."""
        return len(self._full_at)

    def check(self, route: Route, identity: Identity | None, address: str) -> HeaderFields:
        """See `Limits.check`."""
        if not self._enabled:
            return _NOTHING
        policy = self._policy(route)
        network = _network(address)
        if identity is None:
            taken = self._take(policy, policy.burst, network)
        else:
            self._take(policy, policy.burst * policy.per_address, network)
            taken = self._take(policy, policy.burst, identity.account_id)
        return [(name.encode(), value.encode()) for name, value in _fields(policy, taken)]

    def check_body(self, route: Route, body: Any) -> None:
        """See `Limits.check_body`."""
        if self._enabled and route.limit_by is not None:
            policy = self._policy(route)
            self._take(policy, policy.per_subject, f"of {route.limit_by(body)[:SUBJECT_CHARS_MAX]}")

    def _policy(self, route: Route) -> Policy:
        if route.limit is not None:
            return self._policies[route.limit]
        default = READS if route.method in {"GET", "HEAD"} else COMMANDS
        return self._policies[default.name]

    def _take(self, policy: Policy, burst: int, whose: str | int) -> _Taken:
        """One request out of the bucket. Raises LimitReached if it is empty."""
        interval = policy.window_s / burst
        now = self._clock()
        bucket = (policy.name, whose)
        full_at = max(self._full_at.get(bucket, now), now) + interval
        excess = full_at - now - policy.window_s
        if excess > interval * 1e-6:
            taken = _Taken(0, full_at - interval - now, excess)
            raise LimitReached(retry_after_s=ceil(excess), fields=_fields(policy, taken))
        self._full_at[bucket] = full_at
        self._full_at.move_to_end(bucket)
        if len(self._full_at) > self._buckets_max:
            self._full_at.popitem(last=False)
        return _Taken(int(-excess / interval + 1e-6), full_at - now, 0)


def _fields(policy: Policy, taken: _Taken) -> tuple[tuple[str, str], ...]:
    """As in draft-ietf-httpapi-ratelimit-headers."""
    wait = ceil(taken.retry_after_s or taken.full_in_s)
    return (
        ("RateLimit-Policy", f'"{policy.name}";q={policy.burst};w={policy.window_s}'),
        ("RateLimit", f'"{policy.name}";r={taken.left};t={wait}'),
    )


@lru_cache(maxsize=10_000)
def _network(address: str) -> str:
    """What counts as one address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, IPV6_NETWORK_BITS), strict=False))
    return address
