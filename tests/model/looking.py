"""Holds what the system answers a reader against what the model says the reader sees."""

import re
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from tests.asgi import Answered
from tests.model.product import Post, Product
from tests.model.views import Eyes, Item, Json

ALL: Final = 100
QUERIES: Final = ("red", "green", "#sun", "red -green", "from:ada", "#moon from:bob")
_NEXT: Final = re.compile(r'<([^>]+)>; rel="next"')
_PREV: Final = re.compile(r'<([^>]+)>; rel="prev"')


class Disagreement(AssertionError):
    """The system and the model of the product do not say the same."""


def agree(what: str, answered: object, expected: object) -> None:
    """Raises Disagreement."""
    if answered != expected:
        raise Disagreement(f"{what}\n  answered: {answered}\n  expected: {expected}")


def post_of(json: Json) -> Json:
    """A post as `Eyes.post` has it."""
    entities = json["entities"]
    return {
        "id": int(json["id"]),
        "kind": json["kind"],
        "author_id": int(json["author_id"]),
        "text": json["text"],
        "version": json["version"],
        "edited": json["edited_at"] is not None,
        "in_reply_to_id": _id(json["in_reply_to_id"]),
        "in_reply_to_author_id": _id(json["in_reply_to_author_id"]),
        "conversation_id": int(json["conversation_id"]),
        "quote_of_id": _id(json["quote_of_id"]),
        "tags": [tag["tag"] for tag in entities["hashtags"]],
        "mentions": [(one["handle"], _id(one["account_id"])) for one in entities["mentions"]],
        "counts": json["counts"],
        "viewer": json.get("viewer"),
    }


def person_of(json: Json) -> Json:
    """An account as `Eyes.person` has it."""
    kept = {name: json[name] for name in ("handle", "display_name", "bio", "counts")}
    return kept | {"id": int(json["id"]), "viewer": json.get("viewer")}


def first_page(items: Sequence[Item], limit: int) -> list[Item]:
    """The first page of a timeline: on a page a post stands once, as its newest item."""
    page: dict[int, Item] = {}
    for item in items:
        if len(page) < limit:
            page.setdefault(item.post, item)
    return list(page.values())


class Asked(Protocol):
    """What is looked at: in this process or in others."""

    async def ask(self, method: str, target: str, token: str | None = None) -> Answered:
        """One request."""


class Look:
    """One reader reads; `token` None: without signing in."""

    def __init__(
        self, system: Asked, product: Product, reader: int | None, token: str | None
    ) -> None:
        self._system = system
        self._product = product
        self._token = token
        self._eyes = Eyes(product, reader)
        self._name = "anybody" if reader is None else product.people[reader].handle

    async def at_home(self) -> None:
        await self._timeline("/v1/timelines/home", self._eyes.home())

    async def at_feeds(self) -> None:
        """What is the reader's own."""
        eyes = self._eyes
        await self.at_home()
        await self._notifications()
        for relation in ("block", "mute"):
            await self._people(f"/v1/{relation}s", eyes.own(relation))
        await self._people("/v1/suggestions", eyes.suggestions())
        await self._posts("/v1/bookmarks", eyes.bookmarks())

    async def at_everything_shared(self) -> None:
        """What everybody reads, each with their own eyes: all posts and accounts."""
        eyes, product = self._eyes, self._product
        await self._timeline("/v1/timelines/public", eyes.public())
        if product.posts:
            newest = list(product.posts)[-ALL:]
            target = "/v1/posts?ids=" + ",".join(map(str, newest))
            await self._posts(target, [post for post in newest if eyes.sees(post)])
        target = "/v1/accounts?ids=" + ",".join(map(str, product.people))
        found = await self._get(target)
        shown = [one for one in product.people.values() if not product.gone(one.id)]
        answered = [person_of(account) for account in found["items"]]
        self._agree(target, answered, [eyes.person(one) for one in shown])

    async def at_search(self, query: str) -> None:
        target = "/v1/search/posts?q=" + query.replace(" ", "+").replace("#", "%23")
        await self._posts(target, self._eyes.found(query))

    async def at_person(self, person: int) -> None:
        """An account's timelines and lists."""
        base = f"/v1/accounts/{person}"
        eyes = self._eyes
        if self._product.gone(person):
            for target in (base, f"{base}/posts", f"{base}/followers"):
                await self._get(target, expected=404)
            return
        handle = self._product.people[person].handle.upper()
        account = await self._get(f"/v1/accounts/by-handle/{handle}")
        self._agree(base, int(account["id"]), person)
        for kind in ("tweet", "reply", "all"):
            items = eyes.timeline(person, kind)
            await self._timeline(f"{base}/posts?kind={kind}", items)
        blocked = eyes.blocked(person)
        await self._people(f"{base}/followers", [] if blocked else eyes.followers(person))
        await self._people(f"{base}/following", [] if blocked else eyes.following(person))
        if eyes.reader is not None:
            await self._people(f"{base}/mutuals", [] if blocked else eyes.mutuals(person))
            known = [] if blocked else eyes.known_followers(person)
            await self._people(f"{base}/known-followers", known)

    async def at_post(self, post: Post) -> None:
        """A conversation, who reacted, and what the post said before."""
        base, eyes = f"/v1/posts/{post.id}", self._eyes
        if not eyes.sees(post.id):
            for target in (base, f"{base}/conversation", f"{base}/likes", f"{base}/history"):
                await self._get(target, expected=404)
            return
        self._agree(base, post_of(await self._get(base)), eyes.post(post.id))
        await self._conversation(post)
        for reaction in ("likes", "reposts"):
            await self._people(f"{base}/{reaction}", eyes.who(reaction, post.id))
        history = await self._get(f"{base}/history?limit={ALL}")
        said = [(version["version"], version["text"]) for version in history["items"]]
        texts = [(number, text.words) for number, text in enumerate(post.texts, start=1)]
        self._agree(f"{base}/history", said, texts[:ALL])

    async def through(self, target: str, items: list[Item], limit: int) -> None:
        """Scroll down to the very first post, then up again by what the links say."""
        link: str | None = f"{target}{'&' if '?' in target else '?'}limit={limit}"
        rest, newer, upwards = items, list[Item](), None
        while link is not None:
            expected = first_page(rest, limit)
            answered = await self._ask(link)
            self._agree(link, _places(answered.json()), [item[1:] for item in expected])
            if expected:
                newer, upwards = items[: items.index(expected[0])], _link(_PREV, answered)
                rest = rest[rest.index(expected[-1]) + 1 :]
            link = _link(_NEXT, answered)
        passed = {item.post for item in items if item not in rest}
        self._agree(f"the end of {target}", {item.post for item in rest} - passed, set())
        await self._upwards(upwards, newer)

    async def _upwards(self, link: str | None, newer: Sequence[Item]) -> None:
        """From the last page up: every newer post comes, at a place where it stands."""
        found: list[tuple[int, int | None]] = []
        for _ in range(len(newer) + 1):
            if link is None:
                break
            answered = await self._ask(link)
            found += _places(answered.json())
            link = _link(_PREV, answered)
        self._agree("an end upwards", link, None)
        self._agree("places upwards", set(found) - {item[1:] for item in newer}, set())
        self._agree("posts upwards", {post for post, _ in found}, {item.post for item in newer})

    # One kind of answer each.

    async def _timeline(self, target: str, items: Sequence[Item]) -> None:
        sign = "&" if "?" in target else "?"
        found = await self._get(f"{target}{sign}limit={ALL}")
        expected = first_page(items, ALL)
        self._agree(target, _places(found), [item[1:] for item in expected])
        numbers = [int(one["item_id"]) for one in found["items"]]
        self._agree(f"order of {target}", numbers, sorted(set(numbers), reverse=True))
        own = {int(one["item_id"]) for one in found["items"] if one["reposted_by_id"] is None}
        self._agree(f"items of {target}", own, {item.post for item in expected if not item[2]})
        self._cards(target, found["items"])
        reposters = {item.reposter for item in expected if item.reposter}
        self._includes(target, found, [item.post for item in expected], reposters)

    async def _posts(self, target: str, posts: Sequence[int]) -> None:
        found = await self._get(f"{target}{'&' if '?' in target else '?'}limit={ALL}")
        self._agree(target, [int(one["id"]) for one in found["items"]], list(posts)[:ALL])
        self._cards(target, found["items"])
        self._includes(target, found, posts)

    async def _people(self, target: str, people: Sequence[int]) -> None:
        found = await self._get(f"{target}?limit={ALL}")
        self._agree(target, [int(one["id"]) for one in found["items"]], list(people))

    async def _conversation(self, post: Post) -> None:
        eyes, target = self._eyes, f"/v1/posts/{post.id}/conversation?limit={ALL}"
        found = await self._get(target)
        above = [(int(one["id"]), one.get("deleted", False)) for one in found["ancestors"]]
        self._agree(f"ancestors in {target}", above, eyes.ancestors(post.id))
        replies = [int(one["id"]) for one in found["replies"]]
        self._agree(f"replies in {target}", replies, eyes.replies(post.id))
        live = [one for one in found["ancestors"] if "deleted" not in one]
        self._cards(target, [*live, found["post"], *found["replies"]])
        seen = [number for number, empty in eyes.ancestors(post.id) if not empty]
        self._includes(target, found, [*seen, post.id, *eyes.replies(post.id)])

    async def _notifications(self) -> None:
        eyes, target = self._eyes, "/v1/notifications"
        found = await self._get(f"{target}?limit={ALL}")
        told = [
            (o["kind"], int(o["actor_id"]), _id(o["post_id"]), o["read"]) for o in found["items"]
        ]
        notes = eyes.notifications()
        self._agree(target, told, [(*note[1:], eyes.has_read(note)) for note in notes])
        posts = {note.post for note in notes if note.post is not None}
        shown = {int(one["id"]) for one in found["includes"]["posts"]}
        self._agree(f"posts with {target}", shown, posts | eyes.refers_to(posts))
        unread = await self._get("/v1/notifications/unread")
        self._agree("unread notifications", unread["count"], eyes.unread())

    def _cards(self, target: str, posts: Sequence[Json]) -> None:
        for post in posts:
            self._agree(
                f"{post['id']} in {target}", post_of(post), self._eyes.post(int(post["id"]))
            )

    def _includes(
        self, target: str, found: Json, posts: Collection[int], others: Collection[int] = ()
    ) -> None:
        eyes = self._eyes
        further = eyes.refers_to(posts)
        shown = {int(one["id"]) for one in found["includes"]["posts"]}
        self._agree(f"posts with {target}", shown, further)
        people = {*eyes.authors([*posts, *further]), *others}
        shown = {int(one["id"]) for one in found["includes"]["accounts"]}
        self._agree(f"accounts with {target}", shown, set(eyes.people(people)))

    async def _get(self, target: str, expected: int = 200) -> Json:
        answered = await self._ask(target, expected)
        json: Json = answered.json()
        return json

    async def _ask(self, target: str, expected: int = 200) -> Answered:
        answered = await self._system.ask("GET", target, self._token)
        self._agree(f"status of {target}", answered.status, expected)
        return answered

    def _agree(self, what: str, answered: object, expected: object) -> None:
        agree(f"{self._name} reads {what}", answered, expected)


def _id(number: str | None) -> int | None:
    return None if number is None else int(number)


def _places(page: Json) -> list[tuple[int, int | None]]:
    """The items of a timeline's page: the post, and who reposts it."""
    return [(int(one["id"]), _id(one["reposted_by_id"])) for one in page["items"]]


def _link(relation: re.Pattern[str], answered: Answered) -> str | None:
    found = relation.search(answered.headers.get("link", ""))
    return found[1] if found else None
