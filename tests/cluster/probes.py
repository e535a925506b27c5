"""One request of each kind, to see what still answers while an engine is dead."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final

import httpx

from tests.blackbox.client import Api, Json, Person
from tests.cluster.installation import Installation

RETRY_S: Final = 0.5
ANSWERS_S: Final = 30.0

READS: Final[Mapping[str, str]] = {
    "home": "/v1/timelines/home",
    "public timeline": "/v1/timelines/public",
    "own posts": "/v1/accounts/{me}/posts",
    "post": "/v1/posts/{post}",
    "conversation": "/v1/posts/{post}/conversation",
    "notifications": "/v1/notifications",
    "followers": "/v1/accounts/{me}/followers",
    "account": "/v1/accounts/{me}",
    "search": "/v1/search/posts?q=probe",
    "trends": "/v1/trends",
    "analytics": "/v1/analytics/posts/{post}",
}
COMMANDS: Final[Mapping[str, tuple[str, str, Json | None]]] = {
    "tweet": ("POST", "/v1/tweets", {"text": "a probe"}),
    "reply": ("POST", "/v1/posts/{post}/replies", {"text": "a probe"}),
    "follow": ("PUT", "/v1/accounts/{other}/follow", None),
    "unfollow": ("DELETE", "/v1/accounts/{other}/follow", None),
    "profile": ("PATCH", "/v1/accounts/me", {"bio": "a probe"}),
}
EVERYTHING: Final = frozenset((*READS, *COMMANDS))
# What answers while the engine is dead, in the first minute: longer than that without PostgreSQL
# nobody knows which sessions have ended, and nobody who is signed in is served.
ENDURES: Final[Mapping[str, frozenset[str]]] = {
    "redis": EVERYTHING - {"home"},
    "elasticsearch": EVERYTHING - {"search"},
    "neo4j": EVERYTHING - {"followers", "account"},
    "postgresql": EVERYTHING - {"own posts", "followers", "account", "trends", "analytics"},
    "cassandra": frozenset({"trends", "tweet"}),
    "kafka": EVERYTHING - {"tweet", "reply"},
}


class Probes:
    """Somebody who asks for everything."""

    names = EVERYTHING

    def __init__(self, installation: Installation) -> None:
        self._reads = installation.reads.url
        self._commands = installation.commands.url
        with installation.http() as http:
            api = Api(http)
            self._me: Person = api.person()
            other = api.person()
            other.relate("follow", self._me)
            post = self._me.tweet("a probe #probe")
            for path in READS.values():
                self._me.get(path.format(me=self._me.id, post=post["id"]))
        self._ids = {"me": self._me.id, "other": other.id, "post": post["id"]}

    async def answering(self) -> frozenset[str]:
        """Those that are answered now; the others are refused with 503, and told when to retry."""
        async with httpx.AsyncClient(timeout=ANSWERS_S, headers=self._me.credentials) as http:
            statuses = {}
            for name, path in READS.items():
                statuses[name] = await http.get(self._reads + path.format(**self._ids))
            for name, (method, path, body) in COMMANDS.items():
                target = self._commands + path.format(**self._ids)
                statuses[name] = await http.request(method, target, json=body)
        refused = {name: one for name, one in statuses.items() if not one.is_success}
        for name, answer in refused.items():
            assert answer.status_code == 503, f"{name}: {answer.status_code} {answer.text}"
            assert "retry-after" in answer.headers, name
        return frozenset(statuses) - refused.keys()

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

    async def tweet_again(self, key: str, first: httpx.Response) -> None:
        """The same again has one effect, whatever became of it the first time."""
        again = await self.tweet_with_key(key)
        assert again.status_code == 201, again.text
        if first.is_success:
            assert again.json() == first.json()
        assert (await self.tweet_with_key(key)).json()["id"] == again.json()["id"]
        async with httpx.AsyncClient(timeout=ANSWERS_S) as http:
            token = {"Consistency-Token": again.headers["Consistency-Token"]}
            path = f"{self._reads}/v1/accounts/{self._me.id}/posts?limit=100"
            page = await http.get(path, headers={**token, "Prefer": "wait=10"})
        texts = [item["text"] for item in page.json()["items"]]
        assert texts.count(again.json()["text"]) == 1
