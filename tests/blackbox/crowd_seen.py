"""What is seen of the crowd of `tests.bulk_log`, to be held against what is seen later."""

from collections.abc import Sequence
from typing import Any, Final

from tests.blackbox.client import Person

SAMPLED: Final = 15


def of_crowd(who: Person) -> Sequence[Any]:
    """What somebody sees of the crowd."""
    found = who.get("/v1/search/posts?q=replayed&limit=100").raise_for_status().json()
    people = sorted({item["author_id"] for item in found["items"]})[:SAMPLED]
    paths = [
        f"/v1/accounts/{one}{what}"
        for one in people
        for what in ("", "/posts?limit=100", "/followers?limit=100")
    ]
    assert len(people) == SAMPLED
    return [
        found["items"],
        *(
            who.get(path).raise_for_status().json()["items" if "?" in path else "id"]
            for path in paths
        ),
    ]
