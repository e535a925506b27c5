"""The steps of a history on the embedded profile: what people do, and what operators do."""

import shutil
from pathlib import Path
from typing import Final, Literal

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.model import commands, drawing
from tests.model.commands import Command
from tests.model.deeds import Deeds
from tests.model.drawing import number, person, threshold
from tests.model.driven import MODERATOR, NAMES
from tests.model.product import Person, Product
from tests.model.system import Clock, System, scratch, world

FORTNIGHT_MS: Final = 15 * 86_400_000

Operation = Literal["project", "deliver again", "evict", "wait", "restart", "crash"]


class Steps(Deeds):
    """Between two looks nothing is projected but by the steps that say so: commands must not
    notice."""

    system: System

    def __init__(self) -> None:
        super().__init__()
        made = world()
        self.holder = scratch()
        self.clock = Clock()
        self.clock.ms = made.clock_ms
        self.tokens = {made.ids[name]: made.tokens[name] for name in NAMES}
        self.moderator = made.tokens[MODERATOR]
        self.product = Product({made.ids[n]: Person(made.ids[n], n, n) for n in NAMES})
        self.folder = Path(self.holder.name) / "1"
        made.copy_to(self.folder)

    def leave(self) -> None:
        self.system.close()
        self.holder.cleanup()

    @initialize(
        threshold=threshold,
        follows=st.lists(drawing.following, min_size=2, max_size=8),
        tweets=st.lists(st.builds(commands.Post, person, drawing.words), min_size=2, max_size=6),
    )
    def begin(self, threshold: str, follows: list[Command], tweets: list[Command]) -> None:
        self.open(threshold)
        self.do(*follows, *tweets)

    def open(self, threshold: str) -> None:
        self.system = System(self.folder, threshold=threshold, clock=self.clock)

    def reopen(self, threshold: str, *, crash: bool, lost: str | None) -> None:
        """Stop and start, or die and start, without the files that `lost` is a pattern of."""
        old, folder = self.system, self.folder
        if crash:
            # What another process finds after a kill -9: every file as it is at this moment.
            self.folder = folder.with_name(str(int(folder.name) + 1))
            shutil.copytree(folder, self.folder)
        old.close()
        for file in self.folder.glob(lost) if lost is not None else ():
            file.unlink()
        self.open(threshold)

    # What operators do.

    @rule(
        what=st.sampled_from(
            ("project", "deliver again", "deliver again", "evict", "wait", "restart", "crash")
        ),
        which=number,
        size=st.integers(1, 20),
        threshold=threshold,
        lost=st.sampled_from((None, "refusals", "view")),
    )
    def operate(
        self,
        what: Operation,
        which: int,
        size: int,
        threshold: str,
        lost: Literal["refusals", "view"] | None,
    ) -> None:
        people, names = list(self.product.people), self.system.projections
        name = names[which % len(names)]
        match what:
            case "project":  # the others stay where they are
                self.run(self.system.project(name, size))
            case "deliver again":
                self.run(self.system.deliver_again(which, size))
            case "evict":
                self.run(self.system.evict([people[which % len(people)], *people[:size]]))
            case "wait":  # so that nobody is kept ready, and keys may be forgotten
                self.clock.ms += FORTNIGHT_MS
                self.sent.clear()
            case "restart" | "crash":
                patterns = {None: None, "refusals": "refusals.db*", "view": f"*/{name}.v*"}
                self.reopen(threshold, crash=what == "crash", lost=patterns[lost])


def seeded(number: int, steps: type[Steps] = Steps) -> type[Steps]:
    """The same steps, drawn from a seed of their own."""
    return seed(number)(type(f"Steps{number}", (steps,), {}))
