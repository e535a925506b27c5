"""What an engine of the local cluster is, and the one way in which it fails."""

import signal
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from infra.cluster.artefacts import Artefacts

# Of every engine that asks for one. Whoever has an account on this machine reaches the engines,
# most of which have no passwords at all: they are for development and tests.
USER: Final = "starling"
PASSWORD: Final = "starling-local"
DATABASE: Final = "starling"


class Launch(NamedTuple):
    """How a process is started. `wrapper` (env, setpriv) ends in executing `argv`."""

    argv: tuple[str, ...]
    wrapper: tuple[str, ...] = ()


class Engine(Protocol):
    """One engine: where it comes from, how it is configured and started, what it is asked."""

    @property
    def name(self) -> str:
        """Of its folder, and on the command line."""

    @property
    def ports(self) -> tuple[int, ...]:
        """What it listens on; the first is its clients'."""

    @property
    def url(self) -> str:
        """What a client is given to connect."""

    @property
    def stop_signal(self) -> signal.Signals:
        """What asks it to stop in good order."""

    def install(self, artefacts: Artefacts) -> None:
        """Get its programs, unless they are there. Raises ProgramFailed, Missing."""

    def prepare(self, home: Path, artefacts: Artefacts) -> Launch:
        """Write its configuration and, once, an empty store below `home`.

        Called after `install`, and only while it does not run. Raises ProgramFailed, Missing.
        """

    def is_ready(self) -> bool:
        """Ask it something in its own protocol. Raises OSError where nobody answers."""
