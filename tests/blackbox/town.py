"""A town to be replayed: people who did a bit of everything, and clients that go on meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from tests.blackbox.client import Api, Json, Person, ids

PATHS: Final = (
    "/v1/timelines/home?limit=100",
    "/v1/timelines/public?limit=100",
    "/v1/notifications?limit=100",
    "/v1/search/posts?q=replayed&limit=100",
)
# A read waits for its token's events for some seconds.
SHOWN_ASKED_MAX: Final = 30
# An access token is good for a quarter of an hour.
SIGNED_IN_S: Final = 300.0
# Clients are no load test.
PAUSE_S: Final = 0.05
OK, NOT_FOUND = 200, 404


class Town:
    """Three people of a server."""

    def __init__(self, http: httpx.Client, *, posts: int = 40) -> None:
        self.api = Api(http)
        self.ada, self.bob, self.cleo = (self.api.person() for _ in range(3))
        for one in (self.ada, self.bob):
            self.cleo.relate("follow", one)
        made = [self.ada.tweet(f"to be replayed {n}") for n in range(posts)]
        made += [self.bob.reply(made[0], "replayed too"), self.bob.tweet("replayed by bob")]
        for post in made[:5]:
            self.cleo.react("like", post)
            self.bob.react("repost", post)
        self.ada.delete(f"/v1/tweets/{made[1]['id']}")
        self.cleo.relate("mute", self.bob)

    def answers(self) -> list[Any]:
        """What cleo and everybody sees."""
        people = f"/v1/accounts/{self.ada.id}"
        paths = (*PATHS, people, f"{people}/followers", f"{people}/posts?limit=100")
        return [_in_order(self.cleo.get(path).raise_for_status().json()) for path in paths]

    def sign_in(self) -> None:
        """Everybody again: what they had may be over by now."""
        for one in (self.ada, self.bob, self.cleo):
            one.sign_in()

    def wait_until_shown(self) -> None:
        """Return once every view has what was done: workers begin some seconds after servers."""
        for _ in range(SHOWN_ASKED_MAX):
            if all(self.cleo.get(path).status_code == 200 for path in PATHS):
                return
        raise AssertionError("The views do not show what was done")


def _in_order(answer: Any) -> Any:
    """What a page includes has no order of its own."""
    for included in answer.get("includes", {}).values():
        included.sort(key=lambda one: int(one["id"]))
    return answer


class Seen:
    """What clients saw: how many reads there were, which failed, which did not show what their
    token was for, and which were told that the view is not there yet: to be asked again."""

    def __init__(self) -> None:
        self.reads = 0
        self.posted: list[str] = []
        self.failed: list[str] = []
        self.stale: list[str] = []
        self.behind: list[str] = []

    def look(self, who: Person, path: str) -> httpx.Response | None:
        """A page, if there was one."""
        return self.note(who.get(path))

    def note(self, answer: httpx.Response) -> httpx.Response | None:
        """The answer, if it is a good one."""
        self.reads += 1
        if answer.status_code == OK:
            return answer
        told = f"{answer.url.path}: {answer.status_code} {answer.text}"
        (self.behind if "projection-behind" in answer.text else self.failed).append(told)
        return None


@contextmanager
def clients(url: Callable[[], httpx.Client], town: Town, *, reads_max: int = 1) -> Iterator[Seen]:
    """Somebody reads what cleo sees, and bob posts and looks at his posts, all the while. A view
    that has not come to where it is asked for is asked so often before that is noted."""
    seen, stop = Seen(), threading.Event()

    def go_on(do: Callable[[Person, Seen], None], who: Person) -> None:
        with url() as http:
            person = Person(Api(http, reads_max=reads_max), who.id, who.handle)
            signed_in_at = time.monotonic() - SIGNED_IN_S
            while not stop.wait(PAUSE_S):
                if time.monotonic() - signed_in_at >= SIGNED_IN_S:
                    signed_in_at = time.monotonic()
                    person.sign_in()
                try:
                    do(person, seen)
                except (AssertionError, httpx.HTTPError) as error:
                    seen.failed.append(f"{do.__name__}: {error!r}")

    threads = [
        threading.Thread(target=go_on, args=(do, who), name=do.__name__)
        for do, who in ((_read, town.cleo), (_post_and_look, town.bob))
    ]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _read(who: Person, seen: Seen) -> None:
    for path in PATHS:
        seen.look(who, path)


def _post_and_look(who: Person, seen: Seen) -> None:
    """Own writes are read wherever they are read: in the home, as a card."""
    post: Json = who.tweet("posted while it is replayed")
    seen.posted.append(post["id"])
    home = seen.look(who, "/v1/timelines/home")
    if home is not None and post["id"] not in ids(home.json()["items"]):
        seen.stale.append(f"{post['id']} is not in the home")
    card = who.get(f"/v1/posts/{post['id']}")
    if card.status_code == NOT_FOUND:
        seen.stale.append(f"{post['id']} has no card")
    else:
        seen.note(card)
