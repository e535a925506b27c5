"""What a process believes of the partitions that it has claimed."""

from collections.abc import Mapping

import pytest

from infra.claims import BELIEVED_S, Claims
from projections.projection import Superseded


class Kept:
    """A store's epochs, which count how often they are asked for."""

    def __init__(self) -> None:
        self.epochs: Mapping[int, int] = {1: 1, 2: 1}
        self.asked = 0

    async def ask(self) -> Mapping[int, int]:
        self.asked += 1
        return self.epochs


async def test_what_nobody_claimed_is_superseded_by_nobody() -> None:
    kept = Kept()

    await Claims().check_now_and_then({1: 7}, kept.ask)

    assert kept.asked == 0


async def test_a_store_is_asked_once_in_a_while_and_believed_meanwhile() -> None:
    now, kept = [0.0], Kept()
    claims = Claims(lambda: now[0])
    claims.note({1: 1, 2: 1})
    await claims.check_now_and_then({1: 7}, kept.ask)
    kept.epochs = {1: 2, 2: 1}

    now[0] = 0.9 * BELIEVED_S
    await claims.check_now_and_then({1: 8, 2: 3}, kept.ask)
    assert kept.asked == 1

    now[0] = BELIEVED_S
    with pytest.raises(Superseded) as refused:
        await claims.check_now_and_then({1: 8, 2: 3}, kept.ask)
    assert refused.value.partitions == [1]
    with pytest.raises(Superseded):
        await claims.check_now_and_then({1: 9}, kept.ask)
    await claims.check_now_and_then({2: 4}, kept.ask)
    assert kept.asked == 2


async def test_who_claims_again_goes_on_at_once() -> None:
    now, kept = [0.0], Kept()
    claims = Claims(lambda: now[0])
    claims.note({1: 1})
    kept.epochs = {1: 2}
    with pytest.raises(Superseded):
        await claims.check_now_and_then({1: 7}, kept.ask)

    claims.note({1: 3})

    await claims.check_now_and_then({1: 7}, kept.ask)
    assert kept.asked == 1
