"""Random histories for property tests, and the ways in which one may be delivered.

`histories()` draws a valid log of a small world through the rules of the domain; `deliveries()`
draws a shuffled, duplicated delivery of it cut into batches: what a projection's port answers
must be the same after any of them (set semantics).
"""

from collections.abc import Sequence
from contextlib import suppress

from hypothesis import strategies as st

from domain.errors import Blocked
from domain.events import (
    AccountBlocked,
    AccountClosed,
    AccountFollowed,
    AccountMuted,
    AccountReinstated,
    AccountSuspended,
    AccountUnblocked,
    AccountUnfollowed,
    AccountUnmuted,
    BookmarkAdded,
    BookmarkRemoved,
    Event,
    ImpressionsRecorded,
    NotificationsRead,
    PostHidden,
    PostRestored,
    Profile,
    ProfileChanged,
    Recorded,
    RelationshipFact,
    ReplyEdited,
    ReplyPosted,
    ReportFiled,
    ReportResolved,
    TweetPosted,
)
from domain.ids import ItemId
from tests import facts

PEOPLE = facts.NAMES[:5]
TEXTS = (
    "hello",
    "good #morning @ada",
    "@bob @cleo look at https://example.com/a #news",
    "今天天气 #天气",
    "a #news #morning of ok",
)
RELATIONS = (
    AccountFollowed,
    AccountFollowed,
    AccountUnfollowed,
    AccountBlocked,
    AccountUnblocked,
    AccountMuted,
    AccountUnmuted,
)
UNDOINGS = {
    AccountFollowed: AccountUnfollowed,
    AccountBlocked: AccountUnblocked,
    AccountMuted: AccountUnmuted,
}
DOINGS = (
    "tweet", "tweet", "reply", "reply", "quote", "edit", "delete", "like", "unlike", "repost",
    "unrepost", "bookmark", "unbookmark", "relate", "relate", "relate", "see", "profile",
    "report", "resolve", "suspend", "hide", "read", "close",
)  # fmt: skip


class World:
    """A small world that does one drawn thing after the other; `log` is its history."""

    def __init__(self) -> None:
        self.log = facts.Log()
        self.log.record(*(facts.opened(name) for name in PEOPLE))
        self.posts: list[TweetPosted | ReplyPosted] = []
        self.reports: list[ReportFiled] = []
        self.gone: set[int] = set()
        self.closed: set[str] = set()
        self.suspended: set[str] = set()
        self.hidden: set[int] = set()

    def do(self, doing: str, who: str, whom: str, pick: int, text: str) -> None:
        """One doing; nothing where it makes no sense now."""
        if who in self.closed:
            return
        if doing in {"tweet", "relate", "unrelate", "profile", "suspend", "read", "close"}:
            self._by_person(doing, who, whom, pick, text)
        elif self.posts:
            self._on_post(doing, who, self.posts[pick % len(self.posts)], text)

    def _by_person(self, doing: str, who: str, whom: str, pick: int, text: str) -> None:
        me = facts.account(who)
        if doing == "tweet":
            self._post(facts.tweet(who, text))
        elif doing == "relate" and whom != who:
            with suppress(Blocked):
                self.log.relate(RELATIONS[pick % len(RELATIONS)], who, whom)
        elif doing == "unrelate":
            self._unrelate(who, pick)
        elif doing == "profile":
            profile = Profile(who, f"{who} {pick}", text)
            self._record(ProfileChanged(event_id=facts.event_id(), actor_id=me, personal=profile))
        elif doing == "suspend":
            self._suspend(who)
        elif doing == "read" and self.log.recorded:
            newest = ItemId(self.log.recorded[pick % len(self.log.recorded)].event.event_id)
            self._record(NotificationsRead(event_id=facts.event_id(), actor_id=me, up_to_id=newest))
        elif doing == "close" and pick % 10 == 0:
            self._record(AccountClosed(event_id=facts.event_id(), actor_id=me))
            self.closed.add(who)

    def _unrelate(self, who: str, pick: int) -> None:
        """Undo one of the follows, blocks and mutes of this person."""
        me = facts.account(who)
        events = [recorded.event for recorded in self.log.recorded]
        done = [e for e in events if type(e) in UNDOINGS and e.actor_id == me]
        if done:
            event = done[pick % len(done)]
            assert isinstance(event, RelationshipFact)
            target = next(name for name in PEOPLE if facts.account(name) == event.target_id)
            self.log.relate(UNDOINGS[type(event)], who, target)

    def _suspend(self, who: str) -> None:
        admin, target = facts.account("hal"), facts.account(who)
        if who in self.suspended:
            self.suspended.discard(who)
            event: Event = AccountReinstated(
                event_id=facts.event_id(), actor_id=admin, account_id=target
            )
        else:
            self.suspended.add(who)
            event = AccountSuspended(event_id=facts.event_id(), actor_id=admin, account_id=target)
        self._record(event)

    def _on_post(  # noqa: C901, PLR0912 - a table of doings, one line each
        self, doing: str, who: str, post: TweetPosted | ReplyPosted, text: str
    ) -> None:
        me, now = facts.account(who), facts.event_id
        mine = post.actor_id == me
        if doing == "see":
            self._record(ImpressionsRecorded(event_id=now(), actor_id=me, post_ids=(post.post_id,)))
        elif doing == "resolve" and self.reports:
            report = self.reports.pop()
            self._record(
                ReportResolved(
                    event_id=now(),
                    actor_id=facts.account("hal"),
                    report_id=report.event_id,
                    resolution="dismissed",
                )
            )
        elif post.post_id in self.gone:
            return
        elif doing == "reply":
            self._post(facts.reply(who, post, text))
        elif doing == "quote" and isinstance(post, TweetPosted):
            self._post(facts.tweet(who, text, quoting=post))
        elif doing == "edit" and mine:
            self._edit(post, text)
        elif doing == "delete" and mine:
            self.gone.add(post.post_id)
            self._record(facts.deleted(post))
        elif doing == "like":
            self._record(facts.liked(who, post))
        elif doing == "unlike":
            self._record(facts.unliked(who, post))
        elif doing == "repost":
            self._record(facts.reposted(who, post))
        elif doing == "unrepost":
            self._record(facts.unreposted(who, post))
        elif doing == "bookmark":
            self._record(BookmarkAdded(event_id=now(), actor_id=me, post_id=post.post_id))
        elif doing == "unbookmark":
            self._record(BookmarkRemoved(event_id=now(), actor_id=me, post_id=post.post_id))
        elif doing == "report":
            self._report(who, post)
        elif doing == "hide":
            self._hide(post)

    def _edit(self, post: TweetPosted | ReplyPosted, text: str) -> None:
        if isinstance(post, TweetPosted):
            self._record(facts.edited(post, text))
        else:
            self._record(
                ReplyEdited(
                    event_id=facts.event_id(),
                    actor_id=post.actor_id,
                    post_id=post.post_id,
                    personal=facts.text_of(text),
                )
            )

    def _report(self, who: str, post: TweetPosted | ReplyPosted) -> None:
        report = ReportFiled(
            event_id=facts.event_id(),
            actor_id=facts.account(who),
            post_id=post.post_id,
            post_author_id=post.actor_id,
            reason="spam",
        )
        self.reports.append(report)
        self._record(report)

    def _hide(self, post: TweetPosted | ReplyPosted) -> None:
        fact: type[PostHidden] | type[PostRestored] = PostHidden
        if post.post_id in self.hidden:
            self.hidden.discard(post.post_id)
            fact = PostRestored
        else:
            self.hidden.add(post.post_id)
        self._record(
            fact(
                event_id=facts.event_id(),
                actor_id=facts.account("hal"),
                post_id=post.post_id,
                post_author_id=post.actor_id,
            )
        )

    def _post(self, post: TweetPosted | ReplyPosted) -> None:
        self.posts.append(post)
        self._record(post)

    def _record(self, event: Event) -> None:
        self.log.record(event)


def histories(
    max_steps: int = 60, *, min_steps: int = 20, doings: Sequence[str] = DOINGS
) -> st.SearchStrategy[list[Recorded]]:
    """Valid logs of a small world. Left to itself Hypothesis draws some 5 steps: `min_steps` asks
    for more. A projection that cares for few `doings` draws more of those."""
    people = st.sampled_from(PEOPLE)
    step = st.tuples(
        st.sampled_from(doings), people, people, st.integers(0, 999), st.sampled_from(TEXTS)
    )

    def run(steps: list[tuple[str, str, str, int, str]]) -> list[Recorded]:
        world = World()
        for step in steps:
            world.do(*step)
        return world.log.recorded

    return st.lists(step, min_size=min_steps, max_size=max_steps).map(run)


@st.composite
def deliveries(draw: st.DrawFn, history: Sequence[Recorded]) -> list[list[Recorded]]:
    """Batches in which every event of `history` comes at least once, in any order."""
    twice = draw(st.lists(st.sampled_from(history), max_size=10)) if history else []
    order = draw(st.permutations([*history, *twice]))
    size = draw(st.integers(1, 12))
    return [order[start : start + size] for start in range(0, len(order), size)]
