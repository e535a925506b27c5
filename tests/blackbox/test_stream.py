"""Reads: the stream of server-sent events."""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx
import pytest

from tests.blackbox.client import Api, Json, Person, expect

WAIT_S = 30


class Event(NamedTuple):
    name: str
    id: str
    data: Json


class Listener:
    """Reads a stream on a thread of its own; the test takes the events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def next(self) -> Event | None:
        """The next event; None at the stream's end."""
        return self._events.get(timeout=WAIT_S)

    def until(self, wanted: Callable[[Event], bool]) -> list[Event]:
        """The events up to the one that is wanted."""
        seen: list[Event] = []
        while not seen or not wanted(seen[-1]):
            event = self.next()
            assert event is not None, f"the stream ended after {seen}"
            seen.append(event)
        return seen

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self.answer.iter_lines():
                name, _, value = line.partition(":")
                if line:
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    event = Event(fields["event"], fields["id"], json.loads(fields["data"]))
                    self._events.put(event)
                    fields = {}
        except httpx.HTTPError:
            pass
        self._events.put(None)


@contextmanager
def listening(person: Person, **headers: str) -> Iterator[Listener]:
    url = str(person.api.http.base_url)
    with httpx.Client(base_url=url, timeout=httpx.Timeout(10, read=30)) as http:
        asked = {**person.credentials, "Accept": "text/event-stream", **headers}
        with http.stream("GET", "/v1/stream", headers=asked) as answer:
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].split(";")[0] == "text/event-stream"
            listener = Listener(answer)
            yield listener


@pytest.fixture
def follower(ada: Person, bob: Person) -> Person:
    bob.relate("follow", ada)
    return bob


def test_home_tells_of_new_posts_of_those_one_follows(ada: Person, follower: Person) -> None:
    with listening(follower) as stream:
        post = ada.tweet("live")
        event = stream.next()

    assert event is not None
    assert event.name == "home"
    (item,) = follower.items("/v1/timelines/home")
    assert event.data == item
    assert event.data["id"] == post["id"]
    assert event.id


def test_notifications_edits_and_deletions_are_told(ada: Person, follower: Person) -> None:
    with listening(follower) as stream:
        post = ada.tweet(f"hello @{follower.handle}")
        seen = [stream.next(), stream.next()]
        assert {event.name for event in seen if event} == {"home", "notification"}
        notification = next(e.data for e in seen if e and e.name == "notification")
        assert notification == follower.notifications()[0]

        path, headers = f"/v1/tweets/{post['id']}", {"If-Match": '"1"'}
        expect(ada.patch(path, json={"text": "changed"}, headers=headers), 200)
        update = stream.next()
        assert update is not None
        assert (update.name, update.data["text"], update.data["version"]) == (
            "update",
            "changed",
            2,
        )

        expect(ada.delete(path), 204)
        delete = stream.next()
        assert delete is not None
        assert (delete.name, delete.data["id"]) == ("delete", post["id"])


def test_a_repost_is_told_with_its_own_item_id(ada: Person, follower: Person, cleo: Person) -> None:
    post = cleo.tweet()
    with listening(follower) as stream:
        ada.react("repost", post)
        event = stream.next()

    assert event is not None
    assert (event.name, event.data["id"]) == ("home", post["id"])
    assert event.data["reposted_by_id"] == ada.id


def test_a_repost_that_is_taken_back_is_a_delete_of_its_item(
    ada: Person, follower: Person, cleo: Person
) -> None:
    post = cleo.tweet()
    with listening(follower) as stream:
        ada.react("repost", post)
        home = stream.next()
        ada.unreact("repost", post)
        delete = stream.next()

    assert home is not None
    assert delete is not None
    assert (delete.name, delete.data["id"]) == ("delete", home.data["item_id"])
    assert (delete.data["post_id"], delete.data["reposted_by_id"]) == (post["id"], ada.id)
    assert follower.items("/v1/timelines/home") == []


def test_follows_count_at_once(ada: Person, bob: Person) -> None:
    with listening(bob) as stream:
        ada.tweet("before")
        bob.relate("follow", ada)
        after = ada.tweet("after")
        bob.unrelate("follow", ada)
        ada.tweet("later")
        own = bob.tweet("mine")
        seen = stream.until(lambda event: event.data.get("id") == own["id"])

    assert [event.data["id"] for event in seen] == [after["id"], own["id"]]


def test_what_is_blocked_or_muted_is_not_told(ada: Person, follower: Person, cleo: Person) -> None:
    follower.relate("follow", cleo)
    with listening(follower) as stream:
        follower.relate("mute", cleo)
        cleo.tweet(f"muted @{follower.handle}")
        ada.relate("block", follower)
        ada.tweet(f"blocked @{follower.handle}")
        own = follower.tweet("mine")
        seen = stream.until(lambda event: event.data.get("id") == own["id"])

    assert len(seen) == 1


def test_a_resumed_stream_tells_what_was_missed(ada: Person, follower: Person) -> None:
    with listening(follower) as stream:
        ada.tweet("one")
        last = stream.next()
    assert last is not None
    missed = [ada.tweet(f"missed {n}")["id"] for n in range(3)]

    with listening(follower, **{"Last-Event-ID": last.id}) as stream:
        seen = stream.until(lambda event: event.data.get("id") == missed[-1])

    assert all(event.name != "reset" for event in seen)
    told = [event.data["id"] for event in seen]
    assert [post for post in told if post in missed] == missed


@pytest.mark.parametrize("last", ["nonsense", "-1", "é"])
def test_a_stream_that_cannot_be_resumed_says_reset(
    ada: Person, follower: Person, last: str
) -> None:
    url = str(ada.api.http.base_url)
    headers = {**follower.credentials, "Last-Event-ID": last}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    client = httpx.Client(base_url=url, timeout=WAIT_S)
    with client as http, http.stream("GET", "/v1/stream", headers=raw) as answer:
        event = Listener(answer).next()

    assert event is not None
    assert event.name == "reset"
    assert event.id


def test_a_stream_ends_with_its_session(ada: Person) -> None:
    with listening(ada) as stream:
        expect(ada.delete("/v1/sessions"), 204)
        assert stream.next() is None


def test_a_token_may_not_stand_in_the_address(api: Api, ada: Person) -> None:
    token = ada.session["access_token"]

    expect(api.get("/v1/stream", params={"access_token": token}), 401)
