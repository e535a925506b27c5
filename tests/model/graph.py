"""The follower graph straight from its definition: looks at all events and optimises nothing."""

from collections import Counter
from collections.abc import Iterable

from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    Recorded,
    RelationshipFact,
    Standing,
)
from domain.ids import AccountId, EventId
from domain.objects import AccountViewer
from projections.follower_graph import (
    FRIENDS_MAX,
    FRIENDS_OF_FRIEND_MAX,
    Edge,
    EdgeCounts,
    EdgeList,
    Suggestion,
)

Pair = tuple[AccountId, AccountId]


class Graph:
    """Everybody's edges after a set of events."""

    def __init__(self, recorded: Iterable[Recorded]) -> None:
        # By version: of events about the same thing the last one stays in a dictionary.
        events = [r.event for r in sorted(recorded, key=lambda r: r.version)]
        closed = {e.actor_id for e in events if isinstance(e, AccountClosed)}
        facts = [
            e
            for e in events
            if isinstance(e, RelationshipFact) and not {e.actor_id, e.target_id} & closed
        ]
        self._standings: dict[Pair, Standing] = {}
        for e in facts:
            self._standings[e.actor_id, e.target_id] = e.standing_of(e.actor_id)
            self._standings[e.target_id, e.actor_id] = e.standing_of(e.target_id)
        made: dict[type[RelationshipFact], dict[Pair, EventId]] = {
            kind: {(e.actor_id, e.target_id): e.event_id for e in facts if type(e) is kind}
            for kind in (AccountFollowed, AccountBlocked, AccountMuted)
        }
        standings = self._standings
        self._follows = {p: e for p, e in made[AccountFollowed].items() if standings[p].follows}
        self._blocks = {p: e for p, e in made[AccountBlocked].items() if standings[p].blocks}
        self._mutes = {p: e for p, e in made[AccountMuted].items() if standings[p].mutes}

    def edges(self, account: AccountId, which: EdgeList) -> list[Edge]:
        """Newest first, whole."""
        if which == "followers":
            found = [Edge(e, one) for (one, other), e in self._follows.items() if other == account]
        else:
            own = {"following": self._follows, "blocks": self._blocks, "mutes": self._mutes}
            found = [Edge(e, other) for (one, other), e in own[which].items() if one == account]
        return sorted(found, reverse=True)

    def shared(self, account: AccountId, which: EdgeList, reader: AccountId) -> list[Edge]:
        """Those of an account's list whom the reader follows."""
        return [
            edge
            for edge in self.edges(account, which)
            if self._standing(reader, edge.account_id).follows
        ]

    def counts(self, account: AccountId) -> EdgeCounts:
        followers, following = self.edges(account, "followers"), self.edges(account, "following")
        return EdgeCounts(len(followers), len(following))

    def relation(self, reader: AccountId, other: AccountId) -> AccountViewer:
        mine, theirs = self._standing(reader, other), self._standing(other, reader)
        return AccountViewer(mine.follows, theirs.follows, mine.blocks, theirs.blocks, mine.mutes)

    def suggestions(self, reader: AccountId) -> list[Suggestion]:
        friends = self.edges(reader, "following")[:FRIENDS_MAX]
        paths = Counter(
            edge.account_id
            for friend in friends
            for edge in self.edges(friend.account_id, "following")[:FRIENDS_OF_FRIEND_MAX]
            if edge.account_id != reader and self._may_suggest(reader, edge.account_id)
        )
        found = [Suggestion(number, account) for account, number in paths.items()]
        return sorted(found, key=lambda s: (-s.paths, s.account_id))

    def _may_suggest(self, reader: AccountId, other: AccountId) -> bool:
        mine, theirs = self._standing(reader, other), self._standing(other, reader)
        return not (mine.follows or mine.blocks or mine.mutes or theirs.blocks)

    def _standing(self, one: AccountId, other: AccountId) -> Standing:
        return self._standings.get((one, other), Standing())
