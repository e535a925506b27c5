"""What a reader sees of the product: every list straight from its definition, whole."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from tests.model.product import Person, Post, Product, Reaction, Relation, Text

Json = dict[str, Any]

DONE: Final[dict[str, Reaction]] = {"liked": "like", "reposted": "repost", "bookmarked": "bookmark"}


class Item(NamedTuple):
    """Where a post stands in a timeline, as itself or as somebody's repost; later ones are
    greater."""

    since: int
    post: int
    reposter: int | None


class Note(NamedTuple):
    """A notification."""

    since: int
    kind: str
    actor: int
    post: int | None


class Eyes:
    """A reader, or nobody in particular (None), who looks at the product."""

    def __init__(self, product: Product, reader: int | None) -> None:
        self.product = product
        self.reader = reader

    # What the rules let through.

    def blocked(self, person: int) -> bool:
        return self.reader is not None and self.product.block_between(self.reader, person)

    def mutes(self, person: int) -> bool:
        return self.reader is not None and self.product.on("mute", self.reader, person)

    def sees_person(self, person: int) -> bool:
        return not self.product.gone(person) and not self.blocked(person)

    def sees(self, post: int) -> bool:
        return self.product.is_shown(post) and self.sees_person(self.product.posts[post].author)

    def people(self, persons: Iterable[int]) -> list[int]:
        return [person for person in persons if self.sees_person(person)]

    # Timelines.

    def home(self) -> list[Item]:
        """What the reader and those they follow post, quote, repost and add to themselves."""
        actors = {self.reader, *self._targets("follow", self.reader)}
        return [
            item
            for item in self._items()
            if (item.reposter or self.product.posts[item.post].author) in actors
            and not self.mutes(self.product.posts[item.post].author)
            and not (item.reposter and self.mutes(item.reposter))
            and not self._answers_others(item)
        ]

    def timeline(self, person: int, kind: str) -> list[Item]:
        """An account's own; reposts count as tweets."""
        return [
            item
            for item in self._items()
            if (item.reposter or self.product.posts[item.post].author) == person
            and (kind == "all" or kind == self._kind_of(item))
        ]

    def public(self) -> list[Item]:
        return [
            item
            for item in self._items()
            if item.reposter is None and self.product.posts[item.post].kind == "tweet"
        ]

    def _items(self) -> list[Item]:
        """Everything anybody posted or reposted that the reader may see, newest first."""
        posts = [Item(post.born, post.id, None) for post in self.product.posts.values()]
        reposts = [
            Item(since, post, reposter)
            for (reposter, post), since in self.product.reactions["repost"].items()
            if self.sees_person(reposter)
        ]
        return sorted((item for item in posts + reposts if self.sees(item.post)), reverse=True)

    def _kind_of(self, item: Item) -> str:
        return "tweet" if item.reposter else self.product.posts[item.post].kind

    def _answers_others(self, item: Item) -> bool:
        post = self.product.posts[item.post]
        if item.reposter is not None or post.parent is None:
            return False
        return self.product.posts[post.parent].author != post.author

    # Posts.

    def post(self, post_id: int) -> Json:
        """A post as clients get it, less its times and offsets."""
        product, post = self.product, self.product.posts[post_id]
        text = post.texts[-1]
        parent = None if post.parent is None else product.posts[post.parent]
        done = {
            name: (self.reader, post_id) in product.reactions[reaction]
            for name, reaction in DONE.items()
        }
        return {
            "id": post.id,
            "kind": post.kind,
            "author_id": post.author,
            "text": text.words,
            "version": len(post.texts),
            "edited": len(post.texts) > 1,
            "in_reply_to_id": post.parent,
            "in_reply_to_author_id": parent and parent.author,
            "conversation_id": product.root_of(post),
            "quote_of_id": post.quoted,
            "tags": text.tags,
            "mentions": list(text.mentions),
            "counts": self._counts(post_id),
            "viewer": done if self.reader is not None else None,
        }

    def _counts(self, post_id: int) -> dict[str, int]:
        posts = [post for post in self.product.posts.values() if self.product.exists(post.id)]
        return {
            "replies": sum(post.parent == post_id for post in posts),
            "quotes": sum(post.quoted == post_id for post in posts),
            "reposts": sum(post == post_id for _, post in self.product.reactions["repost"]),
            "likes": sum(post == post_id for _, post in self.product.reactions["like"]),
        }

    def ancestors(self, post_id: int) -> list[tuple[int, bool]]:
        """From the root down: a post, and whether its place is empty."""
        found = []
        parent = self.product.posts[post_id].parent
        while parent is not None:
            found.append((parent, not self.sees(parent)))
            parent = self.product.posts[parent].parent
        return found[::-1]

    def replies(self, post_id: int) -> list[int]:
        """Oldest first."""
        posts = self.product.posts.values()
        return [post.id for post in posts if post.parent == post_id and self.sees(post.id)]

    def bookmarks(self) -> list[int]:
        pairs = self.product.reactions["bookmark"].items()
        mine = [(since, post) for (person, post), since in pairs if person == self.reader]
        return [post for _, post in sorted(mine, reverse=True) if self.sees(post)]

    def who(self, reaction: str, post_id: int) -> list[int]:
        """Who likes or reposts a post, newest first."""
        pairs = self.product.reactions["like" if reaction == "likes" else "repost"].items()
        found = sorted(((since, who) for (who, post), since in pairs if post == post_id))
        return self.people(who for _, who in reversed(found))

    def found(self, query: str) -> list[int]:
        """Posts with all words of the query, newest first; `from:` is who wrote them, `-` none."""
        posts = sorted(self.product.posts.values(), key=lambda post: post.born, reverse=True)
        return [
            post.id
            for post in posts
            if self.sees(post.id) and all(self._matches(post, word) for word in query.split())
        ]

    def _matches(self, post: Post, word: str) -> bool:
        if word.startswith("-"):
            return not self._matches(post, word[1:])
        if word.startswith("from:"):
            return self.product.people[post.author].handle.lower() == word[5:].lower()
        return word.lower() in post.texts[-1].words.lower().split()

    def refers_to(self, posts: Iterable[int]) -> set[int]:
        """What these posts quote or answer, is not among them and may be seen."""
        shown = set(posts)
        found = [self.product.posts[post] for post in shown]
        referred = {post.quoted for post in found} | {post.parent for post in found}
        return {post for post in referred - shown if post is not None and self.sees(post)}

    def authors(self, posts: Iterable[int]) -> set[int]:
        return {self.product.posts[post].author for post in posts}

    # People.

    def person(self, person: Person) -> Json:
        """An account as clients get it, less its times."""
        product = self.product
        posts = product.posts.values()
        mine = [post for post in posts if post.author == person.id and product.exists(post.id)]
        viewer = {
            "following": self._stands("follow", self.reader, person.id),
            "followed_by": self._stands("follow", person.id, self.reader),
            "blocking": self._stands("block", self.reader, person.id),
            "blocked_by": self._stands("block", person.id, self.reader),
            "muting": self._stands("mute", self.reader, person.id),
        }
        return {
            "id": person.id,
            "handle": person.handle,
            "display_name": person.name,
            "bio": person.bio,
            "counts": {
                "tweets": sum(post.kind == "tweet" for post in mine),
                "followers": len(self._sources("follow", person.id)),
                "following": len(self._targets("follow", person.id)),
            },
            "viewer": viewer if self.reader is not None else None,
        }

    def followers(self, person: int) -> list[int]:
        return self.people(self._sources("follow", person))

    def following(self, person: int) -> list[int]:
        return self.people(self._targets("follow", person))

    def mutuals(self, person: int) -> list[int]:
        """Whom both follow, in the order of the account's follows."""
        mine = self._targets("follow", self.reader)
        return [other for other in self.following(person) if other in mine]

    def known_followers(self, person: int) -> list[int]:
        mine = self._targets("follow", self.reader)
        return [other for other in self.followers(person) if other in mine]

    def own(self, relation: Relation) -> list[int]:
        """Whom the reader blocks or mutes: a block does not hide them here."""
        found = self._targets(relation, self.reader)
        return [person for person in found if not self.product.gone(person)]

    def suggestions(self) -> list[int]:
        """Friends of friends, those with the most paths first, then by id."""
        friends = self._targets("follow", self.reader)
        paths: dict[int, int] = {}
        for friend in friends:
            for other in self._targets("follow", friend):
                if other not in (self.reader, *friends) and not self.mutes(other):
                    paths[other] = paths.get(other, 0) + 1
        return self.people(sorted(paths, key=lambda person: (-paths[person], person)))

    def _stands(self, relation: Relation, one: int | None, other: int | None) -> bool:
        return (one, other) in self.product.relations[relation]

    def _targets(self, relation: Relation, source: int | None) -> list[int]:
        """Newest first."""
        pairs = self.product.relations[relation].items()
        found = [(since, target) for (one, target), since in pairs if one == source]
        return [target for _, target in sorted(found, reverse=True)]

    def _sources(self, relation: Relation, target: int | None) -> list[int]:
        """Newest first."""
        pairs = self.product.relations[relation].items()
        found = [(since, one) for (one, other), since in pairs if other == target]
        return [one for _, one in sorted(found, reverse=True)]

    # Notifications.

    def notifications(self) -> list[Note]:
        """What others did that concerns the reader, newest first."""
        notes = [*self._of_texts(), *self._of_reactions(), *self._of_follows()]
        return sorted(
            (
                note
                for note in notes
                if note.actor != self.reader
                and self.sees_person(note.actor)
                and not self.mutes(note.actor)
                and (note.post is None or self.sees(note.post))
            ),
            key=lambda note: note.since,
            reverse=True,
        )

    def unread(self) -> int:
        return sum(not self.has_read(note) for note in self.notifications())

    def has_read(self, note: Note) -> bool:
        assert self.reader is not None
        return note.since <= self.product.people[self.reader].read_up_to

    def _of_texts(self) -> Iterable[Note]:
        """A post concerns somebody once, from the first of its texts that does."""
        for post in self.product.posts.values():
            for text in post.texts:
                kind = self._concern(post, text)
                if kind is not None:
                    yield Note(text.since, kind, post.author, post.id)
                    break

    def _concern(self, post: Post, text: Text) -> str | None:
        first = text is post.texts[0]
        for kind, other in (("reply", post.parent), ("quote", post.quoted)):
            if first and other is not None and self.product.posts[other].author == self.reader:
                return kind
        return "mention" if self.reader in text.told else None

    def _of_reactions(self) -> Iterable[Note]:
        for kind in ("like", "repost"):
            for (actor, post), since in self.product.reactions[kind].items():
                if self.product.posts[post].author == self.reader:
                    yield Note(since, kind, actor, post)

    def _of_follows(self) -> Sequence[Note]:
        pairs = self.product.relations["follow"].items()
        return [Note(since, "follow", who, None) for (who, to), since in pairs if to == self.reader]


def everything(product: Product) -> list[object]:
    """All that anybody sees: two products that agree in it cannot be told apart."""
    seen: list[object] = [(post.id, post.texts[-1].words) for post in product.posts.values()]
    for person in product.people:
        eyes = Eyes(product, person)
        seen += [item[1:] for item in (*eyes.home(), *eyes.timeline(person, "all"))]
        seen += [(note[1:], eyes.has_read(note)) for note in eyes.notifications()]
        seen += [eyes.followers(person), eyes.following(person), eyes.bookmarks()]
        seen += [eyes.own("block"), eyes.own("mute"), eyes.person(product.people[person])]
        seen += [(eyes.who("likes", post), eyes.who("reposts", post)) for post in product.posts]
    return seen
