"""Faults of one line, each of which the model test must catch.

A fault names a line as it is (without its indentation) and what it would be if somebody had got
it wrong. The line is found exactly once in its file; where the code has changed, so must the fault.
"""

from pathlib import Path
from typing import Final, NamedTuple


class Fault(NamedTuple):
    """`seed` is that of the histories in which it showed the last time: there it is looked for
    first."""

    name: str
    file: str
    line: str
    broken: str
    seed: int = 0

    def plant(self, root: Path) -> None:
        """Break the copy of the packages below `root`. Raises LookupError, ValueError."""
        path = root / self.file
        lines = path.read_text("utf-8").split("\n")
        places = [number for number, line in enumerate(lines) if line.strip() == self.line]
        if not places:
            raise LookupError(f"{self.file} has no line: {self.line}")
        if len(places) > 1:
            raise ValueError(f"{self.file} has more than one line: {self.line}")
        indentation = lines[places[0]][: -len(self.line)]
        lines[places[0]] = indentation + self.broken
        path.write_text("\n".join(lines), "utf-8")


HOMES: Final = (
    Fault(
        "no backfill on follow",
        "infra/sqlite/home_fan_out.py",
        "home.add([item_id for (item_id,) in writer.execute(_BACKFILL, bounds)])",
        "home.add([])",
        seed=5,
    ),
    Fault(
        "the floor is ignored when a home is read",
        "infra/sqlite/home_pages.py",
        "if missing and self.above < kept.floor:",
        "if missing and kept.floor < 0:",
    ),
    Fault(
        "trimming does not raise the floor",
        "infra/sqlite/home_ready.py",
        "self.floor = ids[-depth - 1]",
        "self.floor = min(self.floor, ids[-depth - 1])",
    ),
    Fault(
        "an author who is followed by many is lost to those who followed before",
        "infra/sqlite/home_fan_out.py",
        "writer.executemany(_MARK_ALL_PULLED, pulled)",
        "writer.executemany(_MARK_ALL_PULLED, [])",
    ),
    Fault(
        "an author who is followed by few again loses what was posted meanwhile",
        "infra/sqlite/home_fan_out.py",
        "(SELECT MAX(item_id) + 1 FROM items WHERE actor_id = account_id), 0)",
        "NULL, 0)",
        seed=3,
    ),
    Fault(
        "what is kept ready stays after an unfollow",
        "infra/sqlite/home_fan_out.py",
        "self._ready.evict(turned)",
        "pass",
        seed=2,
    ),
    Fault(
        "replies to others stand in homes",
        "projections/home_timelines.py",
        "case ReplyPosted() if event.in_reply_to_author_id == event.actor_id:",
        "case ReplyPosted():",
    ),
    Fault(
        "a repost that was taken back stays in homes",
        "projections/home_timelines.py",
        "isinstance(event, RepostAdded),",
        "True,",
        seed=5,
    ),
    Fault(
        "homes take no notice of an unfollow",
        "projections/home_timelines.py",
        "yield SetTie(reader, other, mine.follows, hides, version)",
        "yield SetTie(reader, other, mine.follows or event.actor_id == reader, hides, version)",
    ),
)
POSTS: Final = (
    Fault(
        "a deletion is lost",
        "projections/post_cards.py",
        "operations.append(DropPost(event.post_id))",
        "pass",
    ),
    Fault(
        "a deletion takes no repost with it",
        "infra/sqlite/author_timelines.py",
        '"INSERT OR IGNORE INTO dropped_posts SELECT ?2 WHERE ?1 > 0 AND ?3 >= 0",',
        '"SELECT ?1, ?2, ?3",',
    ),
    Fault(
        "a reply counts twice",
        "infra/sqlite/post_cards.py",
        "INSERT INTO counts VALUES (NEW.in_reply_to_id, 1, 0, 0, 0)",
        "INSERT INTO counts VALUES (NEW.in_reply_to_id, 2, 0, 0, 0)",
    ),
    Fault(
        "a quote that was deleted still counts",
        "infra/sqlite/post_cards.py",
        "UPDATE counts SET quotes = quotes - 1 WHERE post_id = OLD.quote_of_id;",
        "UPDATE counts SET quotes = quotes - 0 WHERE post_id = OLD.quote_of_id;",
    ),
    Fault(
        "likes of a closed account still count",
        "infra/sqlite/post_cards.py",
        '"DELETE FROM reactions WHERE account_id = ?",',
        '"SELECT ?",',
    ),
    Fault(
        "an older edit undoes a newer one when it is delivered again",
        "infra/sqlite/post_cards.py",
        '"UPDATE posts SET version = ?3, edited = ?5 WHERE post_id = ?1 AND version < ?3",',
        '"UPDATE posts SET version = ?3, edited = ?5 WHERE post_id = ?1",',
        seed=2,
    ),
    Fault(
        "an edit of any version is taken",
        "commands/editing.py",
        "posts.expect_version(version, versions)",
        "posts.expect_version(version, None)",
        seed=3,
    ),
    Fault(
        "everybody's bookmarks are one",
        "infra/sqlite/post_cards.py",
        "WHERE account_id = :account AND bookmarked > 0 AND bookmarked < :before",
        "WHERE account_id > 0 AND bookmarked > 0 AND bookmarked < :before",
    ),
    Fault(
        "conversations are read from their end",
        "infra/sqlite/conversations.py",
        'ORDER BY post_id LIMIT ?"""',
        'ORDER BY post_id DESC LIMIT ?"""',
        seed=5,
    ),
    Fault(
        "search finds what a post said before it was edited",
        "projections/search_index.py",
        "operations += _index(event, 1 + version)",
        "operations += _index(event, 1)",
    ),
    Fault(
        "the public timeline has replies",
        "infra/sqlite/author_timelines.py",
        'WHERE is_reply = 0 AND post_id > :above AND post_id < :below"""',
        'WHERE is_reply >= 0 AND post_id > :above AND post_id < :below"""',
        seed=3,
    ),
    Fault(
        "a page begins with the last item of the one before",
        "projections/windows.py",
        "return ID_MAX if self.max_id is None else self.max_id",
        "return ID_MAX if self.max_id is None else self.max_id + 1",
        seed=7,
    ),
)
PEOPLE: Final = (
    Fault(
        "a block hides one way only",
        "infra/sqlite/refusing_events.py",
        "blocked = event.after.low.blocks or event.after.high.blocks",
        "blocked = event.after.low.blocks",
    ),
    Fault(
        "a block leaves the other's follow",
        "domain/relationships.py",
        "theirs = replace(theirs, follows=False)",
        "theirs = replace(theirs)",
    ),
    Fault(
        "a mute leaks into notifications",
        "read_api/sight.py",
        "muted = refusals.muted_by(reader_id) if mutes else NOBODY",
        "muted = NOBODY",
    ),
    Fault(
        "posts of a suspended author are still shown",
        "read_api/sight.py",
        "unseen = self._unseen_of({card.author_id for card in cards.values()})",
        "unseen = {card.author_id for card in cards.values()} & self.blocked",
    ),
    Fault(
        "a hidden post is still shown",
        "read_api/sight.py",
        "hidden = self.refusals.hidden_of(cards) if self.refusals is not None else NOTHING",
        "hidden = NOTHING",
    ),
    Fault(
        "known followers are those whom the account follows",
        "infra/sqlite/follower_graph.py",
        'return self._shared("followers", account_id, reader_id, window, limit)',
        'return self._shared("following", account_id, reader_id, window, limit)',
    ),
    Fault(
        "muted people are suggested",
        "infra/sqlite/follower_graph.py",
        "AND (r.follows = 1 OR r.blocks = 1 OR r.blocked = 1 OR r.mutes = 1))",
        "AND (r.follows = 1 OR r.blocks = 1 OR r.blocked = 1))",
        seed=5,
    ),
    Fault(
        "an unfollow counts for nothing",
        "infra/sqlite/follower_graph.py",
        "following = following + NEW.follows - OLD.follows;",
        "following = following + NEW.follows;",
    ),
    Fault(
        "one is told of what one does oneself",
        "projections/notifications.py",
        "told.pop(event.actor_id, None)",
        "told.pop(event.post_id, None)",
    ),
    Fault(
        "the last notification read stays unread",
        "infra/sqlite/notifications.py",
        "Notification(ItemId(i), kind, actor, PostId(post) if post else None, i <= read_up_to)",
        "Notification(ItemId(i), kind, actor, PostId(post) if post else None, i < read_up_to)",
    ),
    Fault(
        "who unfollows is still said to follow",
        "projections/notifications.py",
        "on = isinstance(event, AccountFollowed)",
        "on = isinstance(event, AccountFollowed | AccountUnfollowed)",
    ),
    Fault(
        "a handle mentions who had it before",
        "commands/mentions.py",
        "if recorded is None or not isinstance(recorded.event, HandleClaimed):",
        "if recorded is None:",
        seed=3,
    ),
)
OPERATION: Final = (
    Fault(
        "a checkpoint passes an event that was not applied",
        "infra/sqlite/projection_file.py",
        "writer.executemany(_ADVANCE, checkpoint.items())",
        "writer.executemany(_ADVANCE, [(p, at + 1) for p, at in checkpoint.items()])",
    ),
    Fault(
        "a start forgets blocks that are only in the log",
        "infra/sqlite/refusals.py",
        "missed = feed.of_types(REFUSING, self._reached.get(PARTITION, 0))",
        "missed = feed.of_types(REFUSING, head)",
        seed=1,
    ),
    Fault(
        "an Idempotency-Key is not looked at",
        "commands/handling.py",
        "if key is None:",
        "if key != '':",
    ),
    Fault(
        "a read does not wait for its token",
        "web/app.py",
        "if call.vector and route.uses:",
        "if call.vector and not route.uses:",
    ),
    Fault(
        "an account stays as it was on pages when it changes",
        "infra/derived.py",
        "derived.forget(keys)",
        "derived.forget(())",
    ),
)
FAULTS: Final = (*HOMES, *POSTS, *PEOPLE, *OPERATION)
