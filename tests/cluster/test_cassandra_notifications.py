"""Notifications in Cassandra keep the contract."""

from collections.abc import Sequence

import pytest

from domain.events import Recorded
from infra.cassandra.notifications import CassandraNotifications
from projections.notifications import NOTIFICATIONS
from tests.cluster.cassandra_views import OnCassandra
from tests.cluster.examples import fewer_examples
from tests.contract.notifications_contract import NotificationsContract, Open, view
from tests.histories import DOINGS


class TestCassandraNotifications(OnCassandra, NotificationsContract):
    kind = CassandraNotifications
    projection = NOTIFICATIONS
    doings = DOINGS
    test_every_delivery_of_a_history_gives_the_same_view = fewer_examples(
        NotificationsContract.test_every_delivery_of_a_history_gives_the_same_view, 5
    )

    @pytest.fixture
    def empty_store(self) -> Open:
        return self.opened

    async def told(
        self, store: CassandraNotifications, history: Sequence[Recorded]
    ) -> dict[str, object]:
        return await view(store)
