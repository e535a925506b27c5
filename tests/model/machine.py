"""Drives the real system and the model of the product side by side; `deeds` says how."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from tests.asgi import Answered
from tests.model import commands
from tests.model.commands import Command, meant
from tests.model.driven import PASSWORD, Driven, sign_in
from tests.model.looking import QUERIES, Disagreement, Look, agree
from tests.model.product import Person, Product, Refused

T = TypeVar("T")
TOKEN: Final = "consistency-token"


class Sent(NamedTuple):
    """A request that can be sent again, and what it was answered."""

    request: commands.Request
    key: str
    answered: Answered


def happen(product: Product, command: Command, answered: Answered) -> None:
    """Let the model do it too. Raises Disagreement over the status."""
    product.now += 1
    new_id = int(answered.json()["id"]) if answered.status == 201 else None
    try:
        status = command.happen(product, new_id)
    except Refused as refused:
        status = refused.status
    agree(f"status of {command}", answered.status, status)


class WholeSystem(RuleBasedStateMachine):
    """What is common to all steps. Whoever has them gives it a `system` with nobody in it but a
    moderator, whose access token `moderator` is, and those in `product`, whose `tokens` are."""

    system: Driven
    moderator: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.product = Product()
        self.tokens: dict[int, str] = {}
        self.keys = 0
        self.sent: list[Sent] = []
        self.newest_token = ""
        self.failed = False

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        try:
            return self.loop.run_until_complete(doing)
        except BaseException:
            self.failed = True
            raise

    def teardown(self) -> None:
        try:
            if not self.failed:
                self.run(self.look_at_everything())
        finally:
            self.leave()
            self.loop.close()

    def leave(self) -> None:
        """What is to be done in the end, also after a failure."""

    # Commands.

    def do(self, *given: Command) -> None:
        """Give commands, one after the other; their statuses are what the model says."""
        for command in given:
            concrete = meant(command, self.product)
            request = concrete.request(self.product)
            answered = self.run(self.send(request, self.fresh_key()))
            try:
                happen(self.product, concrete, answered)
            except Disagreement:
                self.failed = True
                raise

    def fresh_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    async def send(self, request: commands.Request, key: str) -> Answered:
        headers = {"idempotency-key": key, TOKEN: self.newest_token}
        if request.if_match is not None:
            headers["if-match"] = f'"{request.if_match}"'
        token = self.moderator if request.who is None else self.tokens[request.who]
        answered = await self.system.ask(request.method, request.path, token, request.body, headers)
        self.sent.append(Sent(request, key, answered))
        self.newest_token = answered.headers.get(TOKEN, self.newest_token)
        return answered

    def sign_up(self, handle: str) -> None:
        body = {"handle": handle, "password": PASSWORD}
        answered = self.run(self.system.ask("POST", "/v1/accounts", body=body))
        self.product.now += 1
        taken = self.product.holder_of(handle) is not None
        self.agree(f"status of signing up as {handle}", answered.status, 409 if taken else 201)
        if not taken:
            new_id = int(answered.json()["id"])
            self.product.people[new_id] = Person(new_id, handle, handle)
            self.tokens[new_id] = self.run(sign_in(self.system, handle))

    def agree(self, what: str, answered: object, expected: object) -> None:
        self.failed = self.failed or answered != expected
        agree(what, answered, expected)

    # Looking.

    async def catch_up(self) -> None:
        await self.system.catch_up()
        self.agree("events that no projection could take", await self.system.parked(), [])

    def eyes_of(self, reader: int) -> Look:
        return Look(self.system, self.product, reader, self.tokens[reader])

    def readers(self) -> list[int]:
        """Who can read: a token of a suspended or closed account is refused."""
        return [one for one in self.product.people if not self.product.gone(one)]

    async def look_at_everything(self) -> None:
        await self.catch_up()
        people, posts = list(self.product.people), list(self.product.posts.values())
        looks = [self.eyes_of(reader) for reader in self.readers()]
        for look in looks:
            await look.at_feeds()
            await look.at_everything_shared()
        looks.append(Look(self.system, self.product, None, None))
        await looks[-1].at_everything_shared()
        for turn, one in enumerate(people):
            await looks[turn % len(looks)].at_person(one)
            await looks[(turn + 1) % len(looks)].at_person(one)
        for turn, post in enumerate(posts):
            await looks[turn % len(looks)].at_post(post)
        for turn, query in enumerate(QUERIES):
            await looks[turn % len(looks)].at_search(query)
