"""Dead letters with their events, for administrators of a running server."""

from typing import Any, Final

from infra.control.letters import LetterDesk
from infra.control.requests import ShowDeadLetter
from infra.profiles.profile import Profile
from read_api.dead_letters import OpenedLetter

# JSON's readers have doubles; beyond this they lose digits.
EXACT_MAX: Final = 2**53


class LettersInClear:
    """Implements `read_api.dead_letters.LettersInClear`."""

    def __init__(self, profile: Profile) -> None:
        self._desk = LetterDesk(profile)

    async def opened(self, projection: str, partition: int, position: int) -> OpenedLetter:
        """See `LettersInClear.opened`."""
        found = await self._desk.shown(ShowDeadLetter(projection, partition, position))
        event = found.event
        return OpenedLetter(
            projection=projection,
            partition=partition,
            position=position,
            at=event.at or None if event else None,
            type=event.type if event else None,
            event=_exact(event.event) if event else None,
            ahead=found.ahead,
            behind=found.behind,
        )


def _exact(value: Any) -> Any:
    """Ids as texts, as everywhere in the API."""
    if isinstance(value, dict):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(one) for one in value]
    return str(value) if isinstance(value, int) and value > EXACT_MAX else value
