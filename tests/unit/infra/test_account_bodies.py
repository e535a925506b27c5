"""When accounts are kept as JSON and when not, whatever keeps the rows that they are made of."""

from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace
from typing import Any, cast

from domain.ids import AccountId
from infra.account_bodies import KeptBodies
from infra.derived import Derived
from projections.follower_graph import EdgeCounts

ADA, BOB = AccountId(1), AccountId(2)


class Rows:
    """Rows that this process has, or has not; `meanwhile` is done once as somebody reads them."""

    def __init__(self, rows: Mapping[AccountId, Any]) -> None:
        self.rows: Mapping[AccountId, Any] | None = rows
        self.meanwhile: Callable[[], None] = lambda: None
        self.derived: list[Derived] = []

    def get(self, ids: Collection[AccountId]) -> Mapping[AccountId, Any] | None:
        rows = self.rows
        found = None if rows is None else {one: rows[one] for one in ids if one in rows}
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return found

    def tell(self, derived: Derived) -> None:
        self.derived.append(derived)

    def change(self, rows: Mapping[AccountId, Any], *changed: AccountId) -> None:
        self.rows = rows
        for derived in self.derived:
            derived.forget(changed)


class World:
    """Accounts of which this process has everything."""

    def __init__(self, limit: int = 100) -> None:
        self.profiles = Rows({ADA: b'"id":"1"', BOB: b'"id":"2"'})
        self.tweets = Rows({ADA: 3})
        self.edges = Rows({BOB: EdgeCounts(5, 7)})
        self.is_current = True
        views = SimpleNamespace(
            account_directory=SimpleNamespace(kept_profiles=self.profiles),
            author_timelines=SimpleNamespace(kept_tweets=self.tweets),
            follower_graph=SimpleNamespace(kept_edges=self.edges),
        )
        self.bodies = KeptBodies(cast("Any", views), lambda: self.is_current, limit=limit)

    def known(self, *ids: AccountId) -> Mapping[AccountId, bytes] | None:
        return self.bodies.known(ids)


ADA_BODY = b'{"id":"1","counts":{"tweets":3,"followers":0,"following":0}'
BOB_BODY = b'{"id":"2","counts":{"tweets":0,"followers":5,"following":7}'


def test_they_are_made_of_three_views() -> None:
    world = World()

    assert world.known(BOB, ADA) == {BOB: BOB_BODY, ADA: ADA_BODY}
    assert world.known(BOB, ADA) == {BOB: BOB_BODY, ADA: ADA_BODY}


def test_what_is_kept_is_not_read_again() -> None:
    world = World()
    world.known(ADA, BOB)
    world.profiles.rows = world.tweets.rows = world.edges.rows = None

    assert world.known(ADA, BOB) == {ADA: ADA_BODY, BOB: BOB_BODY}
    world.tweets.change({ADA: 4}, ADA)
    assert world.known(BOB) == {BOB: BOB_BODY}
    assert world.known(ADA, BOB) is None  # somebody has to be asked


def test_whoever_may_not_read_what_is_kept_is_told_nothing() -> None:
    world = World()
    world.known(ADA)
    world.is_current = False

    assert world.known(ADA) is None


def test_what_changes_while_it_is_read_is_not_kept() -> None:
    world = World()
    world.tweets.meanwhile = lambda: world.tweets.change({ADA: 4}, ADA)

    world.known(ADA)

    assert world.known(ADA) == {ADA: ADA_BODY.replace(b"3", b"4")}


def test_an_account_that_is_not_there_is_looked_for_once_until_it_comes() -> None:
    world = World()
    world.profiles.rows = {}
    assert world.known(ADA) == {}
    world.tweets.rows = None
    assert world.known(ADA) == {}

    world.tweets.rows = {ADA: 3}
    world.profiles.change({ADA: b'"id":"1"'}, ADA)
    assert world.known(ADA) == {ADA: ADA_BODY}


def test_all_go_where_anything_may_have_changed() -> None:
    world = World()
    world.known(ADA, BOB)
    world.profiles.rows = {}

    for derived in world.tweets.derived:
        derived.forget(None)

    assert world.known(ADA, BOB) == {}


def test_those_kept_longest_make_room() -> None:
    world = World(limit=1)
    world.known(ADA)
    world.known(BOB)
    world.profiles.rows = None

    assert world.known(ADA) is None
    assert world.known(BOB) == {BOB: BOB_BODY}
