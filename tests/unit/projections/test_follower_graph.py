"""What of an event concerns the graph."""

from domain.events import AccountBlocked, AccountFollowed, Recorded
from projections.follower_graph import SetTie, project
from tests import facts


def ties(*log: Recorded) -> list[SetTie]:
    return [operation for operation in project(log) if isinstance(operation, SetTie)]


def test_both_sides_of_a_follow_carry_its_edge() -> None:
    (recorded,) = facts.Log().relate(AccountFollowed, "bob", "ada")

    mine, theirs = ties(recorded)

    edge = recorded.event.event_id
    assert (mine.follows, mine.follow_id, mine.followed_id) == (True, edge, 0)
    assert (theirs.followed, theirs.follow_id, theirs.followed_id) == (True, 0, edge)
    assert (theirs.account_id, theirs.other_id) == (mine.other_id, mine.account_id)


def test_a_block_is_an_edge_of_the_blocker_and_ends_the_follows_of_both() -> None:
    log = facts.Log()
    log.relate(AccountFollowed, "ada", "bob")
    log.relate(AccountFollowed, "bob", "ada")
    (blocked,) = log.relate(AccountBlocked, "ada", "bob")

    mine, theirs = ties(blocked)

    assert (mine.blocks, mine.block_id) == (True, blocked.event.event_id)
    assert (theirs.blocked, theirs.block_id) == (True, 0)
    assert not any((mine.follows, mine.followed, theirs.follows, theirs.followed))
