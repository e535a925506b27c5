"""What people do, as values: each knows its request, and what it makes of the product.

`who`, `whom` and `post` are drawn as numbers and become ids by `meant`, so that any draw means
something whatever was drawn before. Who moderates takes part in nothing else.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from tests.model.product import PostKind, Product, Reaction, Relation

NO_POST: Final = 1
SELDOM: Final = 5


class Request(NamedTuple):
    """`who` None: the moderator."""

    method: str
    path: str
    who: int | None
    body: Any = None
    if_match: int | None = None


class Post(NamedTuple):
    who: int
    words: str

    def request(self, product: Product) -> Request:
        return Request("POST", "/v1/tweets", self.who, {"text": self.words})

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.tweet(self.who, self.words, None, new_id)


class Quote(NamedTuple):
    who: int
    post: int
    words: str

    def request(self, product: Product) -> Request:
        body = {"text": self.words, "quote_of_id": str(self.post)}
        return Request("POST", "/v1/tweets", self.who, body)

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.tweet(self.who, self.words, self.post, new_id)


class Reply(NamedTuple):
    who: int
    post: int
    words: str

    def request(self, product: Product) -> Request:
        path = f"/v1/posts/{self.post}/replies"
        return Request("POST", path, self.who, {"text": self.words})

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.reply(self.who, self.post, self.words, new_id)


class Edit(NamedTuple):
    """By the author, or now and then by `who`; of the version that was the newest one as the
    command was given, or of one before."""

    who: int
    post: int
    words: str
    amiss: Literal["nothing", "author", "version", "kind"] = "nothing"
    version: int = 0

    def request(self, product: Product) -> Request:
        path = f"{_path_of(product, self.post, self.amiss)}/{self.post}"
        body = {"text": self.words}
        return Request("PATCH", path, self._doer(product), body, self.version)

    def happen(self, product: Product, new_id: int | None) -> int:
        kind = _kind_of(product, self.post, self.amiss)
        return product.edit(self._doer(product), kind, self.post, self.words, self.version)

    def _doer(self, product: Product) -> int:
        return _doer(product, self.who, self.post, self.amiss)

    def seen(self, product: Product) -> "Edit":
        """The same of the version that there is now."""
        newest = len(product.posts[self.post].texts) if self.post in product.posts else 1
        return self._replace(version=newest - 1 if self.amiss == "version" else newest)


class Delete(NamedTuple):
    who: int
    post: int
    amiss: Literal["nothing", "author", "kind"] = "nothing"

    def request(self, product: Product) -> Request:
        path = f"{_path_of(product, self.post, self.amiss)}/{self.post}"
        return Request("DELETE", path, _doer(product, self.who, self.post, self.amiss))

    def happen(self, product: Product, new_id: int | None) -> int:
        doer = _doer(product, self.who, self.post, self.amiss)
        return product.delete(doer, _kind_of(product, self.post, self.amiss), self.post)


class React(NamedTuple):
    who: int
    post: int
    reaction: Reaction
    on: bool

    def request(self, product: Product) -> Request:
        return Request(_toggle(self.on), f"/v1/posts/{self.post}/{self.reaction}", self.who)

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.react(self.who, self.reaction, self.post, on=self.on)


class Relate(NamedTuple):
    who: int
    whom: int
    relation: Relation
    on: bool

    def request(self, product: Product) -> Request:
        return Request(_toggle(self.on), f"/v1/accounts/{self.whom}/{self.relation}", self.who)

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.relate(self.who, self.relation, self.whom, on=self.on)


class Report(NamedTuple):
    who: int
    post: int

    def request(self, product: Product) -> Request:
        return Request("POST", f"/v1/posts/{self.post}/reports", self.who, {"reason": "spam"})

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.report(self.who, self.post)


class Suspend(NamedTuple):
    whom: int
    on: bool

    def request(self, product: Product) -> Request:
        return Request(_toggle(self.on), f"/v1/admin/accounts/{self.whom}/suspension", None)

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.suspend(self.whom, on=self.on)


class Hide(NamedTuple):
    post: int
    on: bool

    def request(self, product: Product) -> Request:
        return Request(_toggle(self.on), f"/v1/admin/posts/{self.post}/hidden", None)

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.hide(self.post, on=self.on)


class Rename(NamedTuple):
    who: int
    name: str

    def request(self, product: Product) -> Request:
        return Request("PATCH", "/v1/accounts/me", self.who, {"display_name": self.name})

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.edit_profile(self.who, self.name)


class Close(NamedTuple):
    who: int

    def request(self, product: Product) -> Request:
        return Request("DELETE", "/v1/accounts/me", self.who)

    def happen(self, product: Product, new_id: int | None) -> int:
        return product.close(self.who)


Command = (
    Post | Quote | Reply | Edit | Delete | React | Relate | Report | Suspend | Hide | Rename | Close
)


def meant(command: Command, product: Product) -> Command:
    """The command with ids for its numbers. Mostly it can be done: by somebody who may, with one
    of the newest posts that are there, and what takes something back means what is there."""
    numbers = command._asdict()
    everybody = list(product.people)
    somebody = [person for person in everybody if not product.gone(person)]
    posts = sorted(product.posts, key=lambda post: (product.is_shown(post), post), reverse=True)
    choice = {
        "who": somebody if somebody and numbers.get("who", 0) % SELDOM else everybody,
        "whom": everybody,
        "post": posts or [NO_POST],
    }
    ids = {
        name: among[numbers[name] % len(among)] for name, among in choice.items() if name in numbers
    }
    concrete = command._replace(**(ids | _taken_back(command, product)))
    return concrete.seen(product) if isinstance(concrete, Edit) else concrete


def _taken_back(command: Command, product: Product) -> dict[str, int]:
    """Whom and what the command takes back, if it takes back what is there."""
    names, there = _register(command, product)
    if not there:
        return {}
    numbers: dict[str, int] = command._asdict()
    number = sum(numbers[name] for name in names)
    if number % SELDOM == 0:
        return {}
    return dict(zip(names, there[number % len(there)], strict=True))


def _register(
    command: Command, product: Product
) -> tuple[tuple[str, ...], Sequence[tuple[int, ...]]]:
    """The fields that a command which takes back has in common with what can be taken back."""
    match command:
        case React(reaction=reaction, on=False):
            return ("who", "post"), list(product.reactions[reaction])
        case Relate(relation=relation, on=False):
            return ("who", "whom"), list(product.relations[relation])
        case Suspend(on=False):
            people = product.people.values()
            return ("whom",), [(person.id,) for person in people if person.suspended]
        case Hide(on=False):
            return ("post",), [(post.id,) for post in product.posts.values() if post.hidden]
        case _:
            return (), ()


def _toggle(on: bool) -> str:
    return "PUT" if on else "DELETE"


def _kind_of(product: Product, post: int, amiss: str) -> PostKind:
    kind = product.posts[post].kind if post in product.posts else "tweet"
    if amiss != "kind":
        return kind
    return "reply" if kind == "tweet" else "tweet"


def _path_of(product: Product, post: int, amiss: str) -> str:
    return "/v1/tweets" if _kind_of(product, post, amiss) == "tweet" else "/v1/replies"


def _doer(product: Product, who: int, post: int, amiss: str) -> int:
    if amiss == "author" or post not in product.posts:
        return who
    return product.posts[post].author
