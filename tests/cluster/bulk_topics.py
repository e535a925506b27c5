"""The log of `tests.bulk_log`'s crowd in the topics of an installation that does not run yet.

It is input: nothing decides about it, so it is produced as fast as the producer takes it. Of a few
people the account is appended as commands do that: they can be followed.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import islice
from typing import Final, NamedTuple, Self

from commands.ports import Append
from domain.events import AccountOpened, Event, HandleClaimed
from domain.ids import AccountId
from infra.cassandra.event_log import ClusterEventLog
from infra.engines import engines_of
from infra.kafka.archive import ArchiveFeed
from infra.kafka.producer import KafkaProducer, Limits
from infra.profiles.clients import Clients
from infra.profiles.cluster_log import ClusterLog
from infra.profiles.names import Names
from infra.settings import Settings
from streams.records import record_of
from tests.bulk_log import EVENTS_EACH, Crowd

GROUP: Final = 5_000
LOOK_EVERY_S: Final = 0.5
# Nobody waits for an answer, and the machine may have more to do.
PATIENT: Final = Limits(delivery_s=120.0, linger_ms=20)

Made = tuple[Event, int]


class Loading(NamedTuple):
    """The log of an installation, and what produces records into it."""

    log: ClusterLog
    appending: ClusterEventLog
    producer: KafkaProducer

    @classmethod
    @asynccontextmanager
    async def of(cls, log: ClusterLog) -> AsyncIterator[Self]:
        """That of a log which is open."""
        producer = KafkaProducer(log.servers, prefix=log.prefix, limits=PATIENT)
        await producer.start()
        try:
            yield cls(log, await log.event_log(), producer)
        finally:
            await producer.close()

    async def load(
        self, events: int, *, appended: int, texts: Iterator[str] | None
    ) -> Sequence[AccountId]:
        """Bring so many events there; whose accounts were appended."""
        known: dict[AccountId, None] = {}
        crowd = Crowd(max(events // EVENTS_EACH, 2), self.log.keyring.key_of, texts=texts)
        made, sending = crowd.events(), asyncio.ensure_future(self._produce([]))
        for first in range(0, events, GROUP):
            group = list(islice(made, min(GROUP, events - first)))
            published: list[Made] = []
            for event, version in group:
                if isinstance(event, HandleClaimed | AccountOpened) and (
                    event.actor_id in known or len(known) < appended
                ):
                    known[event.actor_id] = None
                    await self.appending.append([Append(event.stream, version - 1, (event,))])
                else:
                    published.append((event, version))
            await sending
            sending = asyncio.ensure_future(self._produce(published))
        await sending
        return list(known)

    async def archived(self) -> None:
        """Return once the archive has all that the topics have now."""
        ends = await self.log.topics.ends()
        archive = ArchiveFeed(
            await self.log.archive(), self.log.codec, await self.log.topics.describe()
        )
        while True:
            proven = await archive.proven()
            if all(proven.get(place.number, 0) >= end for place, end in ends.items()):
                return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _produce(self, made: Sequence[Made]) -> None:
        await self.log.keyring.prepare({event.person_id for event, _ in made})
        await self.producer.produce([record_of(*one, self.log.codec) for one in made])


async def load(
    settings: Settings, events: int, *, appended: int, texts: Iterator[str] | None = None
) -> Sequence[AccountId]:
    """Fill the topics with so many events; return once the archive has them all too, which somebody
    has to fill meanwhile. The people whose accounts commands know: so many."""
    async with AsyncExitStack() as opened:
        log = await ClusterLog.open(
            Clients(engines_of(settings), Names(settings.namespace), opened), opened, settings
        )
        loading = await opened.enter_async_context(Loading.of(log))
        known = await loading.load(events, appended=appended, texts=texts)
        await loading.archived()
        return known
