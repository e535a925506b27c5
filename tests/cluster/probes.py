"""One request of each kind, to see what still answers while an engine is dead."""

import asyncio
from collections.abc import Mapping
from itertools import count
from time import monotonic
from typing import Final, NamedTuple

import httpx

from tests.blackbox.client import PASSWORD, Api, Json, Person
from tests.cluster.installation import Installation

RETRY_S: Final = 0.5
ANSWERS_S: Final = 60.0

READS: Final[Mapping[str, str]] = {
    "home": "/v1/timelines/home",
    "public timeline": "/v1/timelines/public",
    "own posts": "/v1/accounts/{me}/posts",
    "post": "/v1/posts/{post}",
    "likes": "/v1/posts/{post}/likes",
    "conversation": "/v1/posts/{post}/conversation",
    "notifications": "/v1/notifications",
    "followers": "/v1/accounts/{me}/followers",
    "suggestions": "/v1/suggestions",
    "account": "/v1/accounts/{me}",
    "search": "/v1/search/posts?q=probe",
    "trends": "/v1/trends",
    "analytics": "/v1/analytics/posts/{post}",
}
# Each has something to record every time.
COMMANDS: Final[Mapping[str, tuple[str, str, Json | None]]] = {
    "tweet": ("POST", "/v1/tweets", {"text": "a probe"}),
    "reply": ("POST", "/v1/posts/{post}/replies", {"text": "a probe"}),
    "follow": ("PUT", "/v1/accounts/{other}/follow", None),
    "unfollow": ("DELETE", "/v1/accounts/{other}/follow", None),
    "profile": ("PATCH", "/v1/accounts/me", {"bio": "probe {number}"}),
    "sign-in": ("POST", "/v1/sessions", {"handle": "{handle}", "password": PASSWORD}),
}
EVERYTHING: Final = frozenset((*READS, *COMMANDS))
PUBLISHED: Final = frozenset({"tweet", "reply"})


class Promise(NamedTuple):
    """While an engine is dead: what is answered all the same, and what cannot be. Whatever else
    there is may be answered, as far as a cache has it, or refused."""

    answers: frozenset[str]
    refuses: frozenset[str]


def _but(refuses: frozenset[str], *without_promise: str) -> Promise:
    return Promise(EVERYTHING - refuses - frozenset(without_promise), refuses)


# In the first minute: longer than that without PostgreSQL nobody knows which sessions have ended,
# and nobody who is signed in is served.
PROMISES: Final[Mapping[str, Promise]] = {
    "redis": _but(frozenset({"home"})),
    "cassandra": Promise(
        frozenset({"trends", "tweet"}),
        frozenset({"reply", "follow", "unfollow", "profile", "sign-in"}),
    ),
    "kafka": _but(PUBLISHED),
    "postgresql": _but(
        frozenset({"sign-in"}),
        "own posts",
        "likes",
        "followers",
        "suggestions",
        "account",
        "trends",
        "analytics",
    ),
    "neo4j": _but(frozenset({"suggestions"}), "followers", "account", "likes"),
    "elasticsearch": _but(frozenset({"search"})),
}


class Probes:
    """Somebody who asks for everything."""

    names = EVERYTHING

    def __init__(self, installation: Installation) -> None:
        self._reads = installation.reads.url
        self._commands = installation.commands.url
        self._numbers = count(1)
        with installation.http() as http:
            api = Api(http)
            self._me: Person = api.person()
            other = api.person()
            other.relate("follow", self._me)
            post = self._me.tweet("a probe #probe")
            other.react("like", post)
            for path in READS.values():
                self._me.get(path.format(me=self._me.id, post=post["id"]))
        self._ids = {
            "me": self._me.id,
            "other": other.id,
            "post": post["id"],
            "handle": self._me.handle,
        }

    async def answering(self) -> frozenset[str]:
        """Those that are answered now; the others are refused with 503, and told when to retry."""
        ids = self._ids | {"number": str(next(self._numbers))}
        async with httpx.AsyncClient(timeout=ANSWERS_S, headers=self._me.credentials) as http:
            answers = {}
            for name, path in READS.items():
                answers[name] = await http.get(self._reads + path.format(**ids))
            for name, (method, path, body) in COMMANDS.items():
                sent = body and {field: value.format(**ids) for field, value in body.items()}
                target = self._commands + path.format(**ids)
                answers[name] = await http.request(method, target, json=sent)
        refused = {name: one for name, one in answers.items() if not one.is_success}
        for name, answer in refused.items():
            assert answer.status_code == 503, f"{name}: {answer.status_code} {answer.text}"
            assert "retry-after" in answer.headers, name
        return frozenset(answers) - refused.keys()

    async def answer_again(self, patience_s: float) -> None:
        """Return once everything is answered."""
        until = monotonic() + patience_s
        while missing := self.names - await self.answering():
            assert monotonic() < until, missing
            await asyncio.sleep(RETRY_S)

    async def tweet_with_key(self, key: str) -> httpx.Response:
        """Post with an Idempotency-Key: the answer, or the refusal for now."""
        async with httpx.AsyncClient(timeout=ANSWERS_S) as http:
            headers = {**self._me.credentials, "Idempotency-Key": key}
            body = {"text": f"only once, without {key}"}
            return await http.post(f"{self._commands}/v1/tweets", json=body, headers=headers)

    async def tweet_again(self, key: str, first: httpx.Response, patience_s: float) -> None:
        """The same again has one effect, whatever became of it the first time."""
        until = monotonic() + patience_s
        again = await self.tweet_with_key(key)
        while _is_for_now(again):
            # A claim that was on its way when the engine died holds the key for its lease.
            assert monotonic() < until, again.text
            await asyncio.sleep(RETRY_S)
            again = await self.tweet_with_key(key)
        assert again.status_code == 201, again.text
        if first.is_success:
            assert again.json() == first.json()
        assert (await self.tweet_with_key(key)).json()["id"] == again.json()["id"]
        token = again.headers["Consistency-Token"]
        texts = await self._own_texts(token, until)
        assert texts.count(again.json()["text"]) == 1

    async def _own_texts(self, token: str, until: float) -> list[str]:
        """The newest, with what the token covers."""
        headers = {"Consistency-Token": token, "Prefer": "wait=10"}
        path = f"{self._reads}/v1/accounts/{self._me.id}/posts?limit=100"
        async with httpx.AsyncClient(timeout=ANSWERS_S) as http:
            while (page := await http.get(path, headers=headers)).status_code == 503:
                assert monotonic() < until, page.text
                await asyncio.sleep(RETRY_S)
        assert page.status_code == 200, page.text
        return [item["text"] for item in page.json()["items"]]


def _is_for_now(answer: httpx.Response) -> bool:
    return answer.status_code == 503 or b"idempotency-key-in-progress" in answer.content
