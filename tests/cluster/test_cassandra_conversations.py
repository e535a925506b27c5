"""Conversations in Cassandra keep the contract."""

from collections.abc import Sequence

from domain.events import PostPosted, Recorded
from infra.cassandra.conversations import CassandraConversations
from projections.conversations import CONVERSATIONS
from tests import facts
from tests.cluster.cassandra_views import OnCassandra
from tests.cluster.examples import fewer_examples
from tests.contract.conversations_contract import (
    DOINGS,
    Answers,
    ConversationsContract,
    answers,
    tell,
)
from tests.facts import reply, tweet


class TestCassandraConversations(OnCassandra, ConversationsContract):
    kind = CassandraConversations
    projection = CONVERSATIONS
    doings = DOINGS
    test_any_delivery_of_a_history_gives_what_the_history_says = fewer_examples(
        ConversationsContract.test_any_delivery_of_a_history_gives_what_the_history_says, 8
    )

    async def told(self, store: CassandraConversations, history: Sequence[Recorded]) -> Answers:
        return await answers(store, history)

    async def test_a_long_thread_that_came_post_by_post_from_below_is_found(
        self, store: CassandraConversations
    ) -> None:
        thread: list[PostPosted] = [tweet("ada")]
        for _ in range(60):
            thread.append(reply("bob", thread[-1]))

        for post in reversed(thread):
            await tell(store, post)

        found = await store.ancestors(thread[-1].post_id, 100)
        assert [above.post_id for above in found] == [post.post_id for post in thread[:-1]]

    async def test_deleted_replies_leave_no_gap_in_a_page(
        self, store: CassandraConversations
    ) -> None:
        root = tweet("ada")
        replies = [reply("bob", root) for _ in range(12)]
        await tell(store, root, *replies, *map(facts.deleted, replies[1:11]))

        assert await store.replies(root.post_id, 2) == [
            (one.post_id, one.actor_id) for one in (replies[0], replies[11])
        ]
