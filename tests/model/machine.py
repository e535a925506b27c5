"""Drives the real system and the model of the product side by side, in any order of steps.

Between two looks nothing is projected but by the steps that say so: commands must not notice.
"""

import asyncio
import copy
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from domain.ids import ID_MAX
from tests.asgi import Answered
from tests.model import commands
from tests.model.commands import Command, meant
from tests.model.looking import QUERIES, Disagreement, Look, agree
from tests.model.product import Person, Product, Refused
from tests.model.system import MODERATOR, NAMES, PASSWORD, Clock, System, scratch, sign_in, world
from tests.model.views import Eyes, everything

T = TypeVar("T")

POSTS_MAX: Final = 60  # with what other steps write, a list is a page
FORTNIGHT_MS: Final = 15 * 86_400_000
THRESHOLDS: Final = ("3", "3", "3", "2", "0", "inf")

number = st.integers(0, 30)
person = st.integers(0, 7)
on = st.sampled_from((True, True, True, False))
words = st.lists(
    st.sampled_from(
        ("red", "green", "blue", "#sun", "#moon", "@ada", "@BOB", "@cleo", "@dan", "@nobody")
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
texts = st.one_of(words, words, words, words, st.sampled_from(("", "x" * 281, "x" * 280)))
limits = st.sampled_from((1, 2, 3, 5))

writing: Final = st.one_of(
    st.builds(commands.Post, person, texts),
    st.builds(commands.Reply, person, number, texts),
    st.builds(commands.Quote, person, number, texts),
)
changing: Final = st.one_of(
    st.builds(
        commands.Edit,
        person,
        number,
        texts,
        st.sampled_from(("nothing", "nothing", "nothing", "author", "version", "kind")),
    ),
    st.builds(
        commands.Delete,
        person,
        number,
        st.sampled_from(("nothing", "nothing", "nothing", "author", "kind")),
    ),
)
reacting: Final = st.builds(
    commands.React, person, number, st.sampled_from(("like", "repost", "repost", "bookmark")), on
)
relating: Final = st.builds(
    commands.Relate,
    person,
    person,
    st.sampled_from(("follow", "follow", "follow", "block", "mute")),
    on,
)
following: Final = st.builds(
    commands.Relate, person, person, st.just("follow"), st.just(True)
)
moderating: Final = st.one_of(
    st.builds(commands.Suspend, person, st.sampled_from((True, False, False))),
    st.builds(commands.Hide, number, st.booleans()),
    st.builds(commands.Report, person, number),
)
anything: Final = st.one_of(writing, changing, reacting, relating, relating, moderating)


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
    """What is common to all steps; `Steps` below has them. They begin by opening `system`."""

    system: System

    def __init__(self) -> None:
        super().__init__()
        made = world()
        self.loop = asyncio.new_event_loop()
        self.holder = scratch()
        self.clock = Clock()
        self.clock.ms = made.clock_ms
        self.tokens = {made.ids[name]: made.tokens[name] for name in NAMES}
        self.moderator = made.tokens[MODERATOR]
        self.product = Product({made.ids[n]: Person(made.ids[n], n, n) for n in NAMES})
        self.keys = 0
        self.sent: list[Sent] = []
        self.newest_token = ""
        self.folder = Path(self.holder.name) / "1"
        made.copy_to(self.folder)
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
            self.system.close()
            self.loop.close()
            self.holder.cleanup()

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
        return f"key {self.keys}"

    async def send(self, request: commands.Request, key: str) -> Answered:
        headers = {"idempotency-key": key, "consistency-token": self.newest_token}
        if request.if_match is not None:
            headers["if-match"] = f'"{request.if_match}"'
        token = self.moderator if request.who is None else self.tokens[request.who]
        answered = await self.system.ask(request.method, request.path, token, request.body, headers)
        self.sent.append(Sent(request, key, answered))
        self.newest_token = answered.headers.get("consistency-token", self.newest_token)
        return answered


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


class Steps(WholeSystem):
    """Everything that may happen, in any order."""

    @initialize(
        threshold=st.sampled_from(THRESHOLDS),
        follows=st.lists(following, min_size=2, max_size=8),
        tweets=st.lists(st.builds(commands.Post, person, words), min_size=2, max_size=6),
    )
    def begin(self, threshold: str, follows: list[Command], tweets: list[Command]) -> None:
        self.system = System(self.folder, threshold=threshold, clock=self.clock)
        self.do(*follows, *tweets)

    @precondition(lambda self: len(self.product.posts) < POSTS_MAX)
    @rule(given=st.lists(writing, min_size=1, max_size=3))
    def write(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(changing, min_size=1, max_size=2))
    def change(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(reacting, min_size=1, max_size=3))
    def react(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(relating, min_size=1, max_size=3))
    def relate(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(following, min_size=1, max_size=3))
    def follow(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(anything, min_size=2, max_size=6))
    def do_anything(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(who=person, how=st.sampled_from(("", "Red Queen", "Alice", "close")))
    def rename_or_close(self, who: int, how: str) -> None:
        if how != "close":
            self.do(commands.Rename(who, how))
        elif len(self.readers()) > 3:
            self.do(commands.Close(who))

    @precondition(lambda self: len(self.product.people) < 8)
    @rule(handle=st.sampled_from((*NAMES, "ADA", "Bob")))
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

    @rule(who=person, which=number, everything=st.booleans())
    def mark_read(self, who: int, which: int, everything: bool) -> None:
        reader = list(self.product.people)[who % len(self.product.people)]
        notes = [] if self.product.gone(reader) else Eyes(self.product, reader).notifications()
        if not notes:
            return
        self.run(self.catch_up())
        self.run(self.eyes_of(reader).at_feeds())
        up_to, up_to_id = self.product.now + 1, ID_MAX
        if not everything:
            target = "/v1/notifications?limit=100"
            listed = self.run(self.system.ask("GET", target, self.tokens[reader])).json()["items"]
            up_to = notes[which % len(notes)].since
            up_to_id = int(listed[which % len(notes)]["id"])
        body = {"up_to_id": str(up_to_id)}
        request = commands.Request("PUT", "/v1/notifications/read", reader, body)
        answered = self.run(self.send(request, self.fresh_key()))
        self.product.now += 1
        self.agree("status of marking read", answered.status, self.product.mark_read(reader, up_to))

    @precondition(lambda self: self.sent)
    @rule(which=number, changed=st.booleans())
    def send_again(self, which: int, changed: bool) -> None:
        """With the same key: the same answer and no effect; another request is refused."""
        request, key, first = self.sent[-1 - which % min(len(self.sent), 12)]
        refused = first.status in {401, 403}
        if refused or (request.who is not None and self.product.gone(request.who)):
            return
        if changed:
            request = commands.Request("POST", "/v1/tweets", request.who, {"text": "other"})
        again = self.run(self.send(request, key))
        self.sent.pop()
        if changed:
            self.agree(f"status of {key} used for another request", again.status, 422)
            return
        replayed = again.headers.get("idempotency-replayed")
        self.agree(f"sending {request} again", (again.status, again.body), (first.status, first.body))
        self.agree(f"replay of {request}", replayed, "true" if first.status < 400 else replayed)

    @rule(one=anything, other=anything)
    def two_at_once(self, one: Command, other: Command) -> None:
        """Some order of the two explains what both were answered and all that is seen."""
        first, second = meant(one, self.product), meant(other, self.product)
        if isinstance(first, commands.Delete) and isinstance(second, commands.Delete):
            return  # both may be told that they deleted it

        async def both() -> list[Answered]:
            requests = [command.request(self.product) for command in (first, second)]
            return await asyncio.gather(*(self.send(one, self.fresh_key()) for one in requests))

        answers = list(zip((first, second), self.run(both()), strict=True))
        outcomes = [self.outcome(answers), self.outcome(answers[::-1])]
        possible = [product for product in outcomes if product is not None]
        self.agree(f"an order of {answers}", bool(possible), True)
        self.product = possible[0]
        if len({repr(everything(product)) for product in possible}) > 1:
            self.choose(possible)

    def outcome(self, answers: list[tuple[Command, Answered]]) -> Product | None:
        """The product after these commands in this order; None if they were answered otherwise."""
        product = copy.deepcopy(self.product)
        for command, answered in answers:
            try:
                happen(product, command, answered)
            except Disagreement:
                return None
        return product

    def choose(self, possible: list[Product]) -> None:
        try:
            self.loop.run_until_complete(self.look_at_everything())
        except Disagreement:
            self.product = possible[1]
            self.run(self.look_at_everything())

    # Operators.

    @rule(
        threshold=st.sampled_from(THRESHOLDS),
        crash=st.booleans(),
        lost=st.one_of(st.none(), st.none(), st.integers(0, 11)),
    )
    def reopen(self, threshold: str, crash: bool, lost: int | None) -> None:
        """Stop and start, or die and start, perhaps having lost what the log can give again."""
        old, folder = self.system, self.folder
        if crash:
            # What another process finds after a kill -9: every file as it is at this moment.
            self.folder = folder.with_name(str(int(folder.name) + 1))
            shutil.copytree(folder, self.folder)
        old.close()
        if lost is not None:
            names = [f"projections/{name}.v" for name in old.projections] + ["refusals.db"]
            for file in self.folder.glob(f"{names[lost % len(names)]}*"):
                file.unlink()
        self.system = System(self.folder, threshold=threshold, clock=self.clock)

    @rule(which=number, batches=st.integers(1, 3), size=st.integers(1, 4), back=st.integers(-9, 20))
    def project(self, which: int, batches: int, size: int, back: int) -> None:
        """One projection goes on, or is given again what it has had; the others stay behind."""
        name = self.system.projections[which % len(self.system.projections)]
        if back > 0:
            self.run(self.system.deliver_again(name, back, size))
        else:
            self.run(self.system.project(name, batches, size))

    @rule(readers=st.one_of(st.none(), st.sets(person, max_size=3)))
    def evict(self, readers: set[int] | None) -> None:
        """Some are not kept ready any more: because there is no room, or after a fortnight."""
        if readers is None:
            self.clock.ms += FORTNIGHT_MS
            self.sent.clear()  # their keys may be forgotten
            return
        people = list(self.product.people)
        self.run(self.system.evict([people[reader % len(people)] for reader in readers]))

    # Readers.

    @rule(who=person, whom=person, post=number, query=st.sampled_from(QUERIES))
    def look(self, who: int, whom: int, post: int, query: str) -> None:
        people, posts = list(self.product.people), list(self.product.posts.values())
        reader = people[who % len(people)]
        if self.product.gone(reader):
            answered = self.run(self.system.ask("GET", "/v1/timelines/home", self.tokens[reader]))
            closed = self.product.people[reader].closed
            self.agree(f"status of {reader}", answered.status, 401 if closed else 403)
            return
        self.run(self.catch_up())
        for other in self.readers():
            self.run(self.eyes_of(other).at_home())
        look = self.eyes_of(reader)
        self.run(look.at_feeds())
        self.run(look.at_everything_shared())
        self.run(look.at_person(people[whom % len(people)]))
        self.run(look.at_search(query))
        if posts:
            self.run(look.at_post(posts[-1 - post % len(posts)]))

    @rule(
        who=person,
        whom=person,
        what=st.sampled_from(("home", "home", "public", "tweet", "reply", "all")),
        limit=limits,
    )
    def scroll(
        self,
        who: int,
        whom: int,
        what: Literal["home", "public", "tweet", "reply", "all"],
        limit: int,
    ) -> None:
        readers, people = self.readers(), list(self.product.people)
        if not readers:
            return
        reader, other = readers[who % len(readers)], people[whom % len(people)]
        eyes, target = Eyes(self.product, reader), f"/v1/timelines/{what}"
        items = eyes.home() if what == "home" else eyes.public()
        if what not in {"home", "public"}:
            if self.product.gone(other):
                return
            target = f"/v1/accounts/{other}/posts?kind={what}"
            items = eyes.timeline(other, what)
        self.run(self.catch_up())
        self.run(self.eyes_of(reader).through(target, items, limit))

    @rule(who=person)
    def read_own_writes(self, who: int) -> None:
        """With a token a read shows what was done, or says honestly that it does not yet."""
        readers = self.readers()
        if not readers:
            return
        reader = readers[who % len(readers)]
        headers = {"consistency-token": self.newest_token, "prefer": "wait=0"}
        token, target = self.tokens[reader], "/v1/timelines/home?limit=1"
        answered = self.run(self.system.ask("GET", target, token, headers=headers))
        if answered.status == 503:
            self.agree("Retry-After", "retry-after" in answered.headers, True)
            self.run(self.catch_up())
            answered = self.run(self.system.ask("GET", target, token, headers=headers))
        self.agree("status of reading one's writes", answered.status, 200)
        self.run(self.eyes_of(reader).at_home())
