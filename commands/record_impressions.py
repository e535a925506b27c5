"""Record which posts an account was shown: for analytics only."""

import msgspec

from commands.answers import ACCEPTED
from commands.guards import admit
from commands.handling import Decision
from commands.ports import Ports
from domain.events import ImpressionsRecorded
from domain.ids import AccountId, PostId


class RecordImpressions(msgspec.Struct, frozen=True, kw_only=True):
    reader_id: AccountId
    post_ids: tuple[PostId, ...]


async def record_impressions(command: RecordImpressions, ports: Ports) -> Decision:
    """Each post counts once for each command; none is looked up. Raises Suspended."""
    admit(command.reader_id, ports)
    recorded = ImpressionsRecorded(
        event_id=ports.stamps.event_id(),
        actor_id=command.reader_id,
        post_ids=tuple(dict.fromkeys(command.post_ids)),
    )
    return Decision(ACCEPTED, publish=(recorded,))
