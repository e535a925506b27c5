"""Recording a toggle (a like, a suspension ...), only where it changes something; 204 always."""

from commands.answers import NO_CONTENT
from commands.handling import Decision
from commands.ports import Append, Ports
from domain import toggles
from domain.toggles import Measure, Reaction


async def publish_change(reaction: Reaction, ports: Ports) -> Decision:
    """Publish what a reader did with a post."""
    if not toggles.changes(reaction, await ports.log.latest(reaction.stream)):
        return Decision(NO_CONTENT)
    return Decision(NO_CONTENT, publish=(reaction,))


async def append_change(measure: Measure, ports: Ports) -> Decision:
    """Append what a moderator did; of two at the same time the later one decides again."""
    latest = await ports.log.latest(measure.stream)
    if not toggles.changes(measure, latest):
        return Decision(NO_CONTENT)
    version = 0 if latest is None else latest.version
    return Decision(NO_CONTENT, append=(Append(measure.stream, version, (measure,)),))
