"""The product as one would explain it to a person: who did what, kept plainly in memory.

Nothing here is clever or fast. `now` counts what happened, and stands in for ids where the order
of things matters. Every command answers the status that a client must get, or raises `Refused`.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

WEIGHT_MAX: Final = 280

Reaction = Literal["like", "repost", "bookmark"]
Relation = Literal["follow", "block", "mute"]
PostKind = Literal["tweet", "reply"]


class Refused(Exception):
    """The command changes nothing and answers this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Text(NamedTuple):
    """What a post says from `since` on, whom it mentioned as that was written, and who of them
    was told: nobody across a block."""

    since: int
    words: str
    mentions: tuple[tuple[str, int | None], ...]
    told: frozenset[int]

    @property
    def tags(self) -> list[str]:
        return [word[1:] for word in self.words.split() if word.startswith("#")]


@dataclass
class Person:
    id: int
    handle: str
    name: str
    bio: str = ""
    suspended: bool = False
    closed: bool = False
    read_up_to: int = 0


@dataclass
class Post:
    id: int
    author: int
    kind: PostKind
    texts: list[Text]
    parent: int | None = None
    quoted: int | None = None
    deleted: bool = False
    hidden: bool = False

    @property
    def born(self) -> int:
        return self.texts[0].since


@dataclass
class Product:
    """The three registers of reactions and of relations say since when, while they are on."""

    people: dict[int, Person] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    reactions: dict[Reaction, dict[tuple[int, int], int]] = field(
        default_factory=lambda: {"like": {}, "repost": {}, "bookmark": {}}
    )
    relations: dict[Relation, dict[tuple[int, int], int]] = field(
        default_factory=lambda: {"follow": {}, "block": {}, "mute": {}}
    )
    now: int = 0

    # What can be said of people and posts, whoever asks.

    def gone(self, person: int) -> bool:
        """Nobody sees them: their account is closed or suspended."""
        return self.people[person].closed or self.people[person].suspended

    def exists(self, post: int) -> bool:
        found = self.posts.get(post)
        return found is not None and not found.deleted and not self.people[found.author].closed

    def is_shown(self, post: int) -> bool:
        """Whether it may be shown to somebody."""
        found = self.posts.get(post)
        return (
            found is not None
            and not found.deleted
            and not found.hidden
            and not self.gone(found.author)
        )

    def block_between(self, one: int, other: int) -> bool:
        blocks = self.relations["block"]
        return (one, other) in blocks or (other, one) in blocks

    def on(self, relation: Relation, one: int, other: int) -> bool:
        return (one, other) in self.relations[relation]

    def root_of(self, post: Post) -> int:
        while post.parent is not None:
            post = self.posts[post.parent]
        return post.id

    # Accounts.

    def sign_up(self, handle: str, new_id: int | None) -> int:
        if self.holder_of(handle) is not None:
            raise Refused(409)
        assert new_id is not None
        self.people[new_id] = Person(new_id, handle, handle)
        return 201

    def holder_of(self, handle: str) -> int | None:
        for person in self.people.values():
            if person.handle.lower() == handle.lower() and not person.closed:
                return person.id
        return None

    def close(self, who: int) -> int:
        """With the account go its posts, reactions and ties, and the handle is free again."""
        self.admit(who)
        self.people[who].closed = True
        for pairs in (*self.reactions.values(), *self.relations.values()):
            for pair in [pair for pair in pairs if who in pair]:
                del pairs[pair]
        return 204

    def edit_profile(self, who: int, name: str) -> int:
        self.admit(who)
        self.people[who].name = name or self.people[who].handle
        return 200

    def mark_read(self, who: int, up_to: int) -> int:
        self.admit(who)
        self.people[who].read_up_to = max(self.people[who].read_up_to, up_to)
        return 204

    # Posts.

    def tweet(self, who: int, words: str, quoted: int | None, new_id: int | None) -> int:
        self.admit(who)
        self.check_words(words)
        if quoted is not None:
            self.reach(who, quoted)
        return self._post(Post(new_id or 0, who, "tweet", [self._text(who, words)], quoted=quoted))

    def reply(self, who: int, parent: int, words: str, new_id: int | None) -> int:
        self.admit(who)
        self.check_words(words)
        self.reach(who, parent)
        return self._post(Post(new_id or 0, who, "reply", [self._text(who, words)], parent=parent))

    def edit(self, who: int, kind: PostKind, post: int, words: str, version: int) -> int:
        self.admit(who)
        self.check_words(words)
        self.see(post)
        found = self._own(who, kind, post)
        if version != len(found.texts):
            raise Refused(412)
        found.texts.append(self._text(who, words))
        return 200

    def delete(self, who: int, kind: PostKind, post: int) -> int:
        """One's own also while it is hidden."""
        self.admit(who)
        if not self.exists(post) or (self.posts[post].author != who and not self.is_shown(post)):
            raise Refused(404)
        self._own(who, kind, post).deleted = True
        return 204

    def _text(self, who: int, words: str) -> Text:
        handles = [word[1:] for word in words.split() if word.startswith("@")]
        holders = [self.holder_of(handle) for handle in handles]
        told = {i for i in holders if i is not None and not self.block_between(who, i)}
        return Text(self.now, words, tuple(zip(handles, holders, strict=True)), frozenset(told))

    def _post(self, post: Post) -> int:
        self.posts[post.id] = post
        return 201

    def _own(self, who: int, kind: PostKind, post: int) -> Post:
        found = self.posts[post]
        if found.kind != kind:
            raise Refused(404)
        if found.author != who:
            raise Refused(403)
        return found

    # What people make of posts and of each other.

    def react(self, who: int, reaction: Reaction, post: int, *, on: bool) -> int:
        """Taking back is possible across a block, doing is not."""
        self.admit(who)
        if on:
            self.reach(who, post)
            self.reactions[reaction].setdefault((who, post), self.now)
        else:
            self.see(post)
            self.reactions[reaction].pop((who, post), None)
        return 204

    def relate(self, who: int, relation: Relation, whom: int, *, on: bool) -> int:
        self.admit(who)
        if on and (self.people[whom].closed or (relation == "follow" and self.gone(whom))):
            raise Refused(404)
        if who == whom:
            raise Refused(422)
        if not on:
            self.relations[relation].pop((who, whom), None)
            return 204
        if relation == "follow" and self.block_between(who, whom):
            raise Refused(403)
        if relation == "block":
            self.relations["follow"].pop((who, whom), None)
            self.relations["follow"].pop((whom, who), None)
        self.relations[relation].setdefault((who, whom), self.now)
        return 204

    def report(self, who: int, post: int) -> int:
        self.admit(who)
        self.see(post)
        return 201

    # Moderators.

    def suspend(self, whom: int, *, on: bool) -> int:
        if on and self.people[whom].closed:
            raise Refused(404)
        self.people[whom].suspended = on
        return 204

    def hide(self, post: int, *, on: bool) -> int:
        """Also a post of somebody suspended."""
        if post not in self.posts or self.posts[post].deleted:
            raise Refused(404)
        self.posts[post].hidden = on
        return 204

    # The rules that commands share.

    def admit(self, who: int) -> None:
        if self.people[who].closed:
            raise Refused(401)
        if self.people[who].suspended:
            raise Refused(403)

    def check_words(self, words: str) -> None:
        if not words or len(words) > WEIGHT_MAX:
            raise Refused(422)

    def see(self, post: int) -> None:
        if not self.is_shown(post):
            raise Refused(404)

    def reach(self, who: int, post: int) -> None:
        self.see(post)
        if self.block_between(who, self.posts[post].author):
            raise Refused(403)
