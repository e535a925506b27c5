"""Pages: the Link header leads to the next and the previous one, cursors to where they say."""

from typing import Any

import msgspec
import pytest

from domain.errors import Invalid
from domain.ids import ID_MAX
from web.decoding import decode_query
from web.paging import (
    IDS_MAX,
    CursorQuery,
    IdsQuery,
    PageQuery,
    cursor_links,
    decode_cursor,
    distinct_ids,
    encode_cursor,
    window_links,
)
from web.routing import Call


def call(
    query_string: str = "", kind: type[msgspec.Struct] = PageQuery, path: str = "/v1/x"
) -> Call:
    return Call(
        identity=None,
        path={},
        query=decode_query(kind, query_string.encode()),
        body=None,
        headers={},
        vector={},
        url_path=path,
        query_string=query_string,
    )


def links(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """rel -> target"""
    if not headers:
        return {}
    ((name, value),) = headers
    assert name == "Link"
    parts = (part.split(">; rel=") for part in value.split(", "))
    return {rel.strip('"'): target.removeprefix("<") for target, rel in parts}


def test_a_cut_page_leads_below_and_above_itself() -> None:
    found = links(window_links(call("limit=2"), newest=9, oldest=8, more=True))

    assert found == {"next": "/v1/x?limit=2&max_id=8", "prev": "/v1/x?limit=2&min_id=9"}


def test_the_last_page_leads_back_only() -> None:
    found = links(window_links(call("max_id=5"), newest=4, oldest=3, more=False))

    assert found == {"prev": "/v1/x?min_id=4"}


def test_an_empty_page_leads_nowhere() -> None:
    assert window_links(call("min_id=9"), newest=None, oldest=None, more=False) == ()


def test_below_a_page_that_was_read_upwards_there_is_always_more() -> None:
    found = links(window_links(call("min_id=3"), newest=5, oldest=4, more=False))

    assert found["next"] == "/v1/x?max_id=4"


def test_the_way_down_keeps_the_end_that_was_asked_for() -> None:
    found = links(window_links(call("since_id=3"), newest=9, oldest=8, more=True))

    assert found == {"next": "/v1/x?max_id=8&since_id=3", "prev": "/v1/x?min_id=9"}


def test_all_other_parameters_are_kept_as_they_were() -> None:
    page = call("kind=all&max_id=20&limit=5&q=a%26b+c&x")

    found = links(window_links(page, newest=9, oldest=8, more=True))

    assert found["next"] == "/v1/x?kind=all&limit=5&q=a%26b+c&x&max_id=8"


@pytest.mark.parametrize("hostile", ["\r\nX-Evil: 1", '>; rel="next", <//evil', "é 天"])
def test_nothing_a_client_sends_can_end_the_header(hostile: str) -> None:
    page = call(f"q={hostile}".encode().decode("latin-1"), path=f"/v1/{hostile}")

    ((_, value),) = window_links(page, newest=9, oldest=8, more=False)

    assert value.isascii()
    assert value.count("<") == value.count(">") == 1
    assert "\n" not in value


def test_a_link_can_be_asked_for_again() -> None:
    found = links(window_links(call(), newest=9, oldest=8, more=True))

    query = found["next"].partition("?")[2]
    assert decode_query(PageQuery, query.encode()).bounds == (8, None, None)


def test_a_list_with_cursors_goes_on_where_its_cursor_says() -> None:
    page = call("limit=3&cursor=old", CursorQuery)
    cursor = encode_cursor((5, "ada"), of="followers")

    found = links(cursor_links(page, after=cursor, before=None))

    assert found == {"next": f"/v1/x?limit=3&cursor={cursor}"}
    assert decode_cursor(cursor, tuple[int, str], of="followers") == (5, "ada")
    assert cursor_links(page, after=None) == ()


@pytest.mark.parametrize(("place", "kind"), [(1 << 63, int), ((5, (1 << 64) - 1), tuple[int, int])])
def test_a_cursor_with_a_number_beyond_all_ids_is_refused(place: object, kind: type) -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(place, of="likes"), kind, of="likes")


def changed(cursor: str) -> list[str]:
    flipped = [
        cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        for at in range(len(cursor))
    ]
    return [*flipped, cursor[:-1], cursor + "A", "", "é", "=", "a" * 500]


def test_a_cursor_that_was_changed_is_refused() -> None:
    cursor = encode_cursor([1_212_092_628_029_698_048], of="likes")

    for wrong in changed(cursor):
        with pytest.raises(Invalid) as refused:
            decode_cursor(wrong, list[int], of="likes")
        assert refused.value.errors[0][0] == "/cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor(5, of="likes"), int, of="reposts")


def test_a_cursor_of_another_shape_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor("five", of="likes"), int, of="likes")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("ids=3", (3,)),
        ("ids=3,1&ids=2", (3, 1, 2)),
        ("ids=1,1&ids=01", (1,)),
        (f"ids={'9' * 40}", (ID_MAX,)),
    ],
)
def test_ids_come_once_and_in_order(query: str, numbers: Any) -> None:
    assert decode_query(IdsQuery, query.encode()).numbers == numbers


@pytest.mark.parametrize("query", ["", "ids=", "ids=,", "ids=1,,2", "ids=x", "ids=-1", "ids=1;2"])
def test_ids_that_are_none_are_refused(query: str) -> None:
    with pytest.raises(Invalid) as refused:
        decode_query(IdsQuery, query.encode())

    assert refused.value.errors[0][0].startswith("/ids")


def test_too_many_ids_are_refused() -> None:
    many = ",".join(map(str, range(IDS_MAX + 1)))

    with pytest.raises(Invalid):
        _ = decode_query(IdsQuery, f"ids={many}".encode()).numbers


def test_ids_from_elsewhere_are_checked_too() -> None:
    with pytest.raises(Invalid):
        distinct_ids(("1", "x"), "/id")
