"""Ids of home timelines in Redis: as text in the order of the ids, and each a 64-bit integer."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import ID_MAX, AccountId, ItemId, PostId, compose
from infra.redis.home_keys import SHARDS, Items, item_key, item_of, part_of, shard_of
from projections.items import Item

IDS = st.integers(0, ID_MAX) | st.integers(10**18 - 9, 10**18 + 9)


@given(st.lists(IDS))
def test_text_sorts_as_the_ids_do(ids: list[int]) -> None:
    assert sorted(map(item_key, ids)) == [item_key(one) for one in sorted(ids)]


@given(IDS)
def test_the_text_is_how_a_64_bit_integer_is_written_and_gives_the_id_back(item_id: int) -> None:
    key = item_key(item_id)

    assert str(int(key)) == key
    assert -(2**63) <= int(key) < 2**63
    assert item_of(key) == item_of(key.encode()) == item_id


@given(st.integers(0, ID_MAX), st.integers(1, 100))
def test_each_account_is_in_one_part(account_id: int, parts: int) -> None:
    assert 0 <= part_of(account_id, parts) < parts
    assert part_of(account_id, 1) == 0


def test_readers_spread_over_cells_and_in_each_over_its_shards() -> None:
    readers = [compose(1_600_000_000_000 + 7_001 * n, n % 8, n % 3) for n in range(48_000)]

    for parts in (3, 16):
        each = Counter((part_of(reader, parts), shard_of(reader)) for reader in readers)
        even = len(readers) / parts / SHARDS
        assert len(each) == parts * SHARDS
        assert max(each.values()) < 1.5 * even
        assert min(each.values()) > 0.5 * even


def test_items_are_read_once_and_about_so_many_are_remembered() -> None:
    items = Items(limit=2)
    author, actor = 10**18 + 7, 10**18 + 8
    repost_value = f"{actor} -1 {author}".encode()
    answer = ["floor", b"-1", str(author).encode(), b"-2", repost_value]
    post = item_of(b"-1")
    own = Item(ItemId(post), PostId(post), AccountId(author), None)
    repost = own._replace(item_id=ItemId(item_of(b"-2")), reposted_by_id=AccountId(actor))

    first = items.of(answer, 1)
    again = items.of(answer, 3)
    items.of([b"-3", b"7"], 0)

    assert first == [own, repost]
    assert again[0] is first[1]
    assert items.of(answer, 1)[0] is not first[0]
