"""The steps of a history that any system can take, in any order: what people do, and looks."""

import asyncio
import copy
from typing import Final, Literal

from hypothesis import strategies as st
from hypothesis.stateful import rule

from domain.ids import ID_MAX
from tests.asgi import Answered
from tests.model import commands, drawing
from tests.model.commands import Command, meant
from tests.model.drawing import number, person
from tests.model.driven import NAMES
from tests.model.looking import QUERIES, Disagreement
from tests.model.machine import TOKEN, WholeSystem, happen
from tests.model.product import Product
from tests.model.views import Eyes, everything

POSTS_MAX: Final = 60  # with what other steps write, a list is a page
SENT_AGAIN_MAX: Final = 12

Scrolled = Literal["home", "public", "tweet", "reply", "all"]


class Deeds(WholeSystem):
    """Few rules with many alternatives: of rules Hypothesis leaves out a half in each history.

    None has a precondition. What can be drawn would depend on what was answered, and that on how
    threads took two commands at once: Hypothesis wants to draw the same again.
    """

    # What people do.

    @rule(given=st.lists(drawing.anything, min_size=1, max_size=6))
    def give(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(drawing.writing, min_size=1, max_size=3))
    def write(self, given: list[Command]) -> None:
        if len(self.product.posts) < POSTS_MAX:
            self.do(*given)

    @rule(given=st.lists(drawing.responding, min_size=1, max_size=4))
    def respond(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(given=st.lists(drawing.relating, min_size=1, max_size=4))
    def relate(self, given: list[Command]) -> None:
        self.do(*given)

    @rule(who=person, how=st.sampled_from((*NAMES[:3], "ADA", "rename", "rename", "close")))
    def live(self, who: int, how: str) -> None:
        """Somebody signs up (under a handle that may be taken), renames or closes the account."""
        if how == "rename":
            self.do(commands.Rename(who, "Red Queen"))
        elif how == "close":
            if len(self.readers()) > 3:
                self.do(commands.Close(who))
        elif len(self.product.people) < drawing.PEOPLE_MAX:
            self.sign_up(how)

    @rule(which=number, changed=st.booleans())
    def send_again(self, which: int, changed: bool) -> None:
        """With the same key: the same answer and no effect; another request is refused."""
        if not self.sent:
            return
        request, key, first = self.sent[-1 - which % min(len(self.sent), SENT_AGAIN_MAX)]
        gone = request.who is not None and self.product.gone(request.who)
        if gone or first.status in {401, 403}:
            return  # who is turned away has not used the key
        if changed:
            request = commands.Request("POST", "/v1/tweets", request.who, {"text": "other"})
        again = self.run(self.send(request, key))
        self.sent.pop()
        if changed:
            self.agree(f"status of {key} for another request", again.status, 422)
            return
        self.agree(f"{request} again", (again.status, again.body), (first.status, first.body))
        if first.status < 400:
            self.agree(f"replay of {request}", again.headers.get("idempotency-replayed"), "true")

    @rule(one=drawing.anything, other=drawing.anything)
    def two_at_once(self, one: Command, other: Command) -> None:
        """Some order of the two explains what both were answered and all that is seen."""
        first, second = meant(one, self.product), meant(other, self.product)
        if isinstance(first, commands.Delete) and isinstance(second, commands.Delete):
            return  # both may be told that they deleted it

        async def both() -> list[Answered]:
            requests = [command.request(self.product) for command in (first, second)]
            return await asyncio.gather(*(self.send(one, self.fresh_key()) for one in requests))

        answered = self.run(both())
        # Neither token need cover the other command, and threads say which came last.
        tokens = [one.headers[TOKEN] for one in answered if TOKEN in one.headers]
        self.newest_token = ", ".join(tokens) or self.newest_token
        answers = list(zip((first, second), answered, strict=True))
        outcomes = [self.outcome(answers), self.outcome(answers[::-1])]
        possible = [product for product in outcomes if product is not None]
        self.agree(f"an order of {answers}", bool(possible), expected=True)
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
        """The product that all readers see."""
        try:
            self.loop.run_until_complete(self.look_at_everything())
        except Disagreement:
            self.product = possible[1]
            self.run(self.look_at_everything())

    # What readers see.

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
        limit=st.sampled_from((1, 2, 3, 5)),
    )
    def scroll(self, who: int, whom: int, what: Scrolled, limit: int) -> None:
        if not (readers := self.readers()):
            return
        reader, other = readers[who % len(readers)], readers[whom % len(readers)]
        eyes = Eyes(self.product, reader)
        if what == "home":
            target, items = "/v1/timelines/home", eyes.home()
        elif what == "public":
            target, items = "/v1/timelines/public", eyes.public()
        else:
            target = f"/v1/accounts/{other}/posts?kind={what}"
            items = [] if eyes.blocked(other) else eyes.timeline(other, what)
        self.run(self.catch_up())
        self.run(self.eyes_of(reader).through(target, items, limit))

    @rule(
        who=person, which=number, how=st.sampled_from(("own writes", "own writes", "mark", "all"))
    )
    def read(self, who: int, which: int, how: Literal["own writes", "mark", "all"]) -> None:
        if not (readers := self.readers()):
            return
        reader = readers[who % len(readers)]
        if how == "own writes":
            self.read_own_writes(reader)
        else:
            self.mark_read(reader, None if how == "all" else which)

    def read_own_writes(self, reader: int) -> None:
        """With a token a read shows what was done, or says honestly that it does not yet."""
        headers = {TOKEN: self.newest_token, "prefer": "wait=0"}
        token, target = self.tokens[reader], "/v1/timelines/home?limit=1"
        answered = self.run(self.system.ask("GET", target, token, headers=headers))
        if answered.status == 503:
            self.agree("Retry-After", "retry-after" in answered.headers, expected=True)
            self.run(self.catch_up())
            del headers["prefer"]
            answered = self.run(self.system.ask("GET", target, token, headers=headers))
        self.agree("status of reading one's writes", answered.status, 200)
        self.run(self.eyes_of(reader).at_home())

    def mark_read(self, reader: int, which: int | None) -> None:
        """Up to one of the notifications, or (None) up to this moment."""
        self.run(self.catch_up())
        self.run(self.eyes_of(reader).at_feeds())
        notes = Eyes(self.product, reader).notifications()
        up_to, up_to_id = self.product.now + 1, str(ID_MAX)
        if which is not None and notes:
            target = "/v1/notifications?limit=100"
            listed = self.run(self.system.ask("GET", target, self.tokens[reader])).json()["items"]
            up_to = notes[which % len(notes)].since
            up_to_id = listed[which % len(notes)]["id"]
        body = {"up_to_id": up_to_id}
        request = commands.Request("PUT", "/v1/notifications/read", reader, body)
        answered = self.run(self.send(request, self.fresh_key()))
        self.product.now += 1
        self.agree("status of marking read", answered.status, self.product.mark_read(reader, up_to))
