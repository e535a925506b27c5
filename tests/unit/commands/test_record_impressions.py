"""Recording impressions."""

import pytest

from commands.record_impressions import RecordImpressions, record_impressions
from domain.errors import Suspended
from domain.events import ImpressionsRecorded
from domain.ids import PostId
from tests.acting import World, account, next_id

ADA = account("ada")


async def test_what_was_seen_is_recorded_each_post_once() -> None:
    world = World()
    seen = (PostId(3), PostId(1), PostId(3))

    reply = await world.when(record_impressions, RecordImpressions(reader_id=ADA, post_ids=seen))

    assert world.news == [
        ImpressionsRecorded(event_id=next_id(), actor_id=ADA, post_ids=(PostId(3), PostId(1)))
    ]
    assert (reply.status, reply.body) == (202, b"")


async def test_a_suspended_account_cannot_record_any() -> None:
    world = World()
    world.fakes.refusals.suspended_ids.add(ADA)

    with pytest.raises(Suspended):
        await world.when(
            record_impressions, RecordImpressions(reader_id=ADA, post_ids=(PostId(1),))
        )
