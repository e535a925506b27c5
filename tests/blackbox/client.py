"""What a client author who has only the contract would write: people who send requests."""

import re
import secrets
from collections.abc import Iterator
from typing import Any, Final

import httpx

# The longest that may be asked for: tests share the processor. A read that is told to come again
# does so, as often as makes a minute.
WAIT_S: Final = 10
READS_MAX: Final = 6
PASSWORD: Final = "correct horse battery"
_LINK: Final = re.compile(r'<([^>]+)>; *rel="(\w+)"')

Json = dict[str, Any]


class Api:
    """A server as one program talks to it: it keeps the newest Consistency-Token and sends it.

    A read is tried so often, where what the token is for is not there yet.
    """

    def __init__(self, http: httpx.Client, *, reads_max: int = READS_MAX) -> None:
        self.http = http
        self._reads_max = reads_max
        self.token: str | None = None

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request, with the token of whatever was done before."""
        headers = dict(request.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Consistency-Token", self.token)
            headers.setdefault("Prefer", f"wait={WAIT_S}")
        answer = self.http.request(method, path, headers=headers, **request)
        for _ in range(self._reads_max - 1):
            if method != "GET" or not is_behind(answer):
                break
            answer = self.http.request(method, path, headers=headers, **request)
        self.token = answer.headers.get("Consistency-Token", self.token)
        return answer

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.send("GET", path, **request)

    def person(self, handle: str | None = None, **profile: str) -> "Person":
        """Somebody new, signed in."""
        handle = handle or new_handle()
        body = {"handle": handle, "password": PASSWORD, **profile}
        account = expect(self.send("POST", "/v1/accounts", json=body), 201).json()
        person = Person(self, account["id"], handle)
        person.sign_in()
        return person


class Person:
    """Somebody with an account and a session."""

    def __init__(self, api: Api, account_id: str, handle: str) -> None:
        self.api = api
        self.id = account_id
        self.handle = handle
        self.session: Json = {}

    def sign_in(self, password: str = PASSWORD) -> None:
        body = {"handle": self.handle, "password": password}
        self.session = expect(self.api.send("POST", "/v1/sessions", json=body), 200).json()

    @property
    def credentials(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.session['access_token']}"}

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = self.credentials | request.pop("headers", {})
        return self.api.send(method, path, headers=headers, **request)

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.send("GET", path, **request)

    def post(self, path: str, **request: Any) -> httpx.Response:
        return self.send("POST", path, **request)

    def put(self, path: str, **request: Any) -> httpx.Response:
        return self.send("PUT", path, **request)

    def patch(self, path: str, **request: Any) -> httpx.Response:
        return self.send("PATCH", path, **request)

    def delete(self, path: str, **request: Any) -> httpx.Response:
        return self.send("DELETE", path, **request)

    def tweet(self, text: str = "hello", **body: Any) -> Json:
        return made(self.post("/v1/tweets", json={"text": text, **body}))

    def reply(self, to: Json, text: str = "indeed") -> Json:
        return made(self.post(f"/v1/posts/{to['id']}/replies", json={"text": text}))

    def react(self, how: str, to: Json) -> None:
        """like, repost or bookmark"""
        expect(self.put(f"/v1/posts/{to['id']}/{how}"), 204)

    def unreact(self, how: str, to: Json) -> None:
        expect(self.delete(f"/v1/posts/{to['id']}/{how}"), 204)

    def relate(self, how: str, to: "Person") -> None:
        """follow, block or mute"""
        expect(self.put(f"/v1/accounts/{to.id}/{how}"), 204)

    def unrelate(self, how: str, to: "Person") -> None:
        expect(self.delete(f"/v1/accounts/{to.id}/{how}"), 204)

    def items(self, path: str, **params: Any) -> list[Json]:
        return items_of(self.get(path, params=params))

    def home(self, **params: Any) -> list[str]:
        return ids(self.items("/v1/timelines/home", **params))

    def notifications(self, **params: Any) -> list[Json]:
        return self.items("/v1/notifications", **params)


def new_handle() -> str:
    return f"u_{secrets.token_hex(6)}"


def new_word() -> str:
    """A word that nothing else has."""
    return "w" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(12))


def expect(answer: httpx.Response, status: int) -> httpx.Response:
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    return answer


def made(answer: httpx.Response) -> Json:
    found: Json = expect(answer, 201).json()
    return found


def items_of(answer: httpx.Response) -> list[Json]:
    found: list[Json] = expect(answer, 200).json()["items"]
    return found


def ids(items: list[Json]) -> list[str]:
    return [item["id"] for item in items]


def links(answer: httpx.Response) -> dict[str, str]:
    """rel -> target of the Link header."""
    return {rel: url for url, rel in _LINK.findall(answer.headers.get("Link", ""))}


def pages(who: "Person | Api", path: str, way: str = "next", **params: Any) -> Iterator[list[Json]]:
    """The pages of a list, from the one asked for on, along its links."""
    answer = who.get(path, params=params)
    while True:
        yield items_of(answer)
        further = links(answer).get(way)
        if further is None:
            return
        answer = who.get(further)


def walk(who: "Person | Api", path: str, **params: Any) -> list[Json]:
    """The whole list, page after page."""
    return [item for page in pages(who, path, **params) for item in page]


def is_behind(answer: httpx.Response) -> bool:
    """Whether a view has not yet got what the read's token is for."""
    return answer.status_code == 503 and "projection-behind" in answer.text


def problem(answer: httpx.Response, status: int, name: str) -> Json:
    """The problem document, which is as the contract has it."""
    expect(answer, status)
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    document: Json = answer.json()
    assert document["status"] == status
    assert document["type"].endswith(f"/problems/{name}"), document["type"]
    assert document["title"]
    assert document["detail"]
    return document
