"""Views in Cassandra for tests: the tables are made once for a test class, and emptied."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from os import getpid
from typing import Any, ClassVar, Final, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import Recorded
from infra.cassandra.session import CassandraSession
from projections.projection import Projection, StoreUnavailable
from tests.cluster.cassandra_log import emptied
from tests.cluster.local import LocalCluster
from tests.contract.projecting import deliver
from tests.histories import deliveries, histories

KEYSPACE: Final = "starling_views_test"
_TABLES: Final = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?"


class View(Protocol):
    """What every view in Cassandra has besides its port."""

    async def create(self) -> None: ...

    async def drop(self) -> None: ...


class Views:
    """Opens stores of one kind on one namespace."""

    def __init__(self, session: CassandraSession, kind: Callable[..., Any]) -> None:
        self.session = session
        self.kind = kind
        self.namespace = f"{kind.__name__.lower()}_{getpid()}"

    def open(self) -> Any:
        """A store beside those that are open."""
        return self.kind(self.session, self.namespace)

    async def tables(self) -> list[str]:
        """The tables that the namespace has."""
        rows = await self.session.execute(_TABLES, (KEYSPACE,))
        return [name for (name,) in rows if name.startswith(f"{self.namespace}_")]

    async def empty(self) -> None:
        """Remove what all the stores hold."""
        await emptied(self.session, await self.tables())


@contextmanager
def views(cluster: LocalCluster, kind: Callable[..., Any]) -> Iterator[Views]:
    """The tables of a kind of stores, for as long as they are needed."""
    connecting = CassandraSession.connect(
        "127.0.0.1", cluster.ports.cassandra, KEYSPACE, one_loop=False
    )
    session = asyncio.run(connecting)
    found = Views(session, kind)
    asyncio.run(found.open().create())
    yield found
    asyncio.run(found.open().drop())
    assert asyncio.run(found.tables()) == []
    asyncio.run(session.close())


class OnCassandra:
    """A contract's `opened`: an empty store each time. Subclass with the `kind` of store, its
    projection, and what a history for it is made of."""

    kind: ClassVar[Callable[..., Any]]
    projection: ClassVar[Projection]
    doings: ClassVar[Sequence[str]]
    views: ClassVar[Views]

    async def told(self, store: Any, history: Sequence[Recorded]) -> Any:
        """Everything that the store answers about a history."""
        raise NotImplementedError

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def tables(cls, cluster: LocalCluster) -> Iterator[None]:
        with views(cluster, cls.kind) as cls.views:
            yield

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        await self.views.empty()
        yield self.views.open()

    @settings(max_examples=3)
    @given(st.data())
    def test_two_owners_at_the_same_time_leave_what_one_leaves(self, data: st.DataObject) -> None:
        history = data.draw(histories(60, min_steps=30, doings=self.doings))
        ones, others = data.draw(deliveries(history)), data.draw(deliveries(history))

        async def alone() -> Any:
            async with self.opened() as store:
                await deliver(self.projection, store, history)
                return await self.told(store, history)

        async def both() -> Any:
            async with self.opened() as store:
                another = self.views.open()
                await asyncio.gather(
                    deliver(self.projection, store, *ones),
                    deliver(self.projection, another, *others),
                )
                return await self.told(store, history)

        assert asyncio.run(both()) == asyncio.run(alone())

    async def test_what_does_not_answer_is_an_outage(self, cluster: LocalCluster) -> None:
        session = await CassandraSession.connect("127.0.0.1", cluster.ports.cassandra, KEYSPACE)
        store = type(self).kind(session, "nobody")
        await session.close()

        with pytest.raises(StoreUnavailable):
            await store.checkpoint()
        with pytest.raises(StoreUnavailable):
            await store.apply([], {0: 1})
