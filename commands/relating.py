"""Recording how two accounts stand to each other: one decision on one stream for each pair."""

from commands.answers import NO_CONTENT
from commands.guards import between
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import relationships
from domain.events import RelationshipFact
from domain.ids import AccountId


async def relate(
    fact: type[RelationshipFact], actor_id: AccountId, target_id: AccountId, ports: Ports
) -> Decision:
    """204, and the fact where it changes something. Raises Invalid (oneself), Blocked."""
    pair = await between(actor_id, target_id, ports)
    event = relationships.decide(
        fact,
        pair.state,
        actor_id=actor_id,
        target_id=target_id,
        event_id=ports.stamps.event_id(),
    )
    if event is None:
        return Decision(NO_CONTENT)
    return Decision(NO_CONTENT, append=(Append(event.stream, pair.version, (event,)),))
