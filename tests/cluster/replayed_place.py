"""A server on the engines whose projections are replayed, as command line and server tell."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import httpx

from infra.control.client import ask as ask_server
from infra.control.requests import Projections, ShowProjections
from infra.profiles.names import Names
from read_api.ports import ProjectionStatus, ReplayStatus
from tests.blackbox.server import Server
from tests.blackbox.town import Town

COMMAND_S: Final = 240.0
LOOK_EVERY_S: Final = 0.2
LOOKS_MAX: Final = 1_200


def told_by(server: Server, *arguments: str, within_s: float = COMMAND_S) -> Any:
    """What the command line says as its last line, having succeeded."""
    ended = server.command(*arguments, "--json", timeout_s=within_s)
    assert ended.returncode == 0, ended.stdout[-4_000:] + ended.stderr[-4_000:]
    return json.loads(ended.stdout.splitlines()[-1])


class Place(NamedTuple):
    """A server on the engines with its workers, and the town that uses it."""

    server: Server
    town: Town

    def told(self, *arguments: str) -> Any:
        """See `told_by`."""
        return told_by(self.server, *arguments)

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.server.url, timeout=30)

    def answering(self, name: str) -> int:
        """Which generation answers in the server."""
        return self.status(name).generation

    def answers_with(self, name: str, number: int) -> bool:
        """Whether that generation comes to answer in the server, which sees a swap soon after."""
        return any(one.generation == number for one in self._looks(name))

    def replay(self, name: str) -> ReplayStatus | None:
        """How far the next generation of a projection is; None where none is being built."""
        return self.status(name).replay

    def once(self, name: str, holds: Callable[[ReplayStatus], object]) -> ReplayStatus:
        """The same, as soon as that holds."""
        for one in self._looks(name):
            if one.replay is not None and holds(one.replay):
                return one.replay
        raise AssertionError(self.replay(name))

    def status(self, name: str) -> ProjectionStatus:
        """What the command line shows of it, without a program for each look."""
        found = ask_server(self.server.folder, ShowProjections(), lambda _progress: None)
        assert isinstance(found, Projections)
        return next(one for one in found.projections if one.name == name)

    def _looks(self, name: str) -> Iterator[ProjectionStatus]:
        """The same again and again, for some minutes."""
        pause = threading.Event()
        for _ in range(LOOKS_MAX):
            yield self.status(name)
            pause.wait(LOOK_EVERY_S)

    def names(self) -> Names:
        return Names(self.server.environ["STARLING_NAMESPACE"])
