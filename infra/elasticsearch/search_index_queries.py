"""What the search index asks of Elasticsearch.

The words of a post are the terms of `domain.search_terms`, which the engine splits at spaces and
otherwise leaves as they are, so that no analyzer of its own decides what is found. Of what is
deleted only a mark is left, which no query matches.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from domain.ids import ID_MAX, AccountId, first_id_at
from domain.search_query import PeopleQuery, Phrase, PostQuery
from projections.search_index import RANKED_MAX, Rank

# Beginnings of names up to this length are terms of their own.
PREFIX_CHARS_MAX: Final = 12
EXPANSIONS_MAX: Final = 1_000  # of a longer one, so many words that begin so
# How common a word is, is counted so far and no further.
COUNTED_MAX: Final = 100_000
AUTHORS_MAX: Final = 1_000  # so many accounts that have one of the handles asked for

Query = dict[str, Any]

_TERMS: Final = {"type": "text", "analyzer": "whitespace", "norms": False}
_UNSEARCHED: Final = {"type": "boolean", "index": False, "doc_values": False}
# Posts and people are documents of one index: one request writes both and one refresh shows both.
MAPPINGS: Final[Query] = {
    "dynamic": "strict",
    "_source": {"includes": ["gone"]},
    "properties": {
        "post_id": {"type": "long"},
        "author_id": {"type": "keyword"},
        "terms": _TERMS,
        "has": {"type": "keyword"},
        "account_id": {"type": "long"},
        "handle": {"type": "keyword"},
        "names": {
            **_TERMS,
            "index_prefixes": {"min_chars": 1, "max_chars": PREFIX_CHARS_MAX},
        },
        "gone": _UNSEARCHED,
    },
}
CHECKPOINT_MAPPINGS: Final[Query] = {
    "dynamic": "strict",
    "properties": {
        "partition": {"type": "integer"},
        "position": {"type": "long"},
        "epoch": {"type": "integer", "index": False, "doc_values": False},
    },
}
CHECKPOINTS: Final[Query] = {
    "query": {"exists": {"field": "position"}},
    "sort": ["partition", "position"],
    "size": 10_000,
}


class Parts(NamedTuple):
    """Of a query for posts: what none may lack, and what none may have."""

    filter: list[Query]
    must_not: list[Query]

    def around(self, *more: Query, **others: Any) -> Query:
        """The query of posts that have this too."""
        return {
            "bool": {"filter": [*self.filter, *more], "must_not": self.must_not, **others},
        }


def parts_of(query: PostQuery, handles: Collection[tuple[str, AccountId]]) -> Parts:
    """All but the words; `handles` says whose those are that are asked for."""
    authors = [account_id for handle, account_id in handles if handle in query.authors]
    not_authors = [account_id for handle, account_id in handles if handle in query.not_authors]
    required: list[Query] = [*map(_says, query.phrases)]
    required += ({"term": {"has": facet}} for facet in query.has)
    if query.authors:
        required.append(_by_any(authors))
    excluded: list[Query] = [
        {"bool": {"filter": [*map(_says, phrases)]}} for phrases in query.without
    ]
    excluded += ({"term": {"has": facet}} for facet in query.has_not)
    if not_authors:
        excluded.append(_by_any(not_authors))
    return Parts(required, excluded)


def between(query: PostQuery, *, above: int, below: int) -> Query:
    """Posts with ids in these bounds, both exclusive, and of the query's days."""
    since = 0 if query.since_ms is None else first_id_at(query.since_ms)
    until = ID_MAX if query.until_ms is None else first_id_at(query.until_ms)
    low, high = max(above + 1, since), min(below, until)
    return {"range": {"post_id": {"gte": min(low, ID_MAX), "lt": max(high, 0)}}}


def newest(parts: Parts, words: Sequence[Phrase], ids: Query, limit: int, order: str) -> Query:
    """Posts that have all the words, by id."""
    return {
        "query": parts.around(ids, *map(_says, words)),
        "sort": [{"post_id": order}],
        "size": limit,
        "track_total_hits": False,
    }


def newest_of(field: str) -> Query:
    """The highest id of all."""
    return {
        "query": {"exists": {"field": field}},
        "sort": [{field: "desc"}],
        "size": 1,
        "track_total_hits": False,
    }


def count(*of: Query) -> Query:
    """How many posts all of it is true of."""
    return {"query": {"bool": {"filter": of}}, "size": 0, "track_total_hits": COUNTED_MAX}


def counts(words: Sequence[Phrase], ceiling: int) -> list[Query]:
    """How many posts there are up to an id, and how many of them have each of the words."""
    ids = {"range": {"post_id": {"lte": ceiling}}}
    return [count(ids), *(count(ids, _says(word)) for word in words)]


def relevant(
    parts: Parts, words: Sequence[Phrase], found: Sequence[int], ids: Query, page: Query
) -> Query:
    """Posts with any of the words, by how rare those are that they have.

    The engine's own scores would do, but count what is deleted until it cleans up: they depend on
    the way that an index came about. `found` is what `counts` gave.
    """
    total, *hits = found
    weighed = [
        {"constant_score": {"filter": _says(word), "boost": _weight(total, count)}}
        for word, count in zip(words, hits, strict=True)
    ]
    return {
        "query": parts.around(ids, should=weighed, minimum_should_match=min(1, len(words))),
        "sort": [{"_score": "desc"}, {"post_id": "desc"}],
        **page,
        "track_total_hits": False,
    }


def page_of(rank: Rank, limit: int) -> dict[str, int]:
    """One more than asked for says whether there is a next page."""
    offset = min(max(rank.offset, 0), RANKED_MAX)
    return {"from": offset, "size": min(limit + 1, RANKED_MAX - offset)}


def people(query: PeopleQuery, ceiling: int, most: int) -> list[Query]:
    """So many whose handle begins as asked, by handle; so many others by their name, by id."""
    known = {"range": {"account_id": {"lte": ceiling}}}
    called = [] if query.handle is None else [{"prefix": {"handle": query.handle}}]
    searches: list[Query] = []
    if called:
        by_handle = {"bool": {"filter": [known, *called]}}
        searches.append({"query": by_handle, "sort": ["handle", "account_id"]})
    if query.words:
        *whole, (*begun,) = query.words
        names: list[Query] = [{"match_phrase": {"names": " ".join(phrase)}} for phrase in whole]
        last = {"query": " ".join(begun), "max_expansions": EXPANSIONS_MAX}
        names.append({"match_phrase_prefix": {"names": last}})
        by_name = {"bool": {"filter": [known, *names], "must_not": called}}
        searches.append({"query": by_name, "sort": ["account_id"]})
    return [{**search, "size": most, "track_total_hits": False} for search in searches]


def called(handles: Collection[str]) -> Query:
    """Whose handles these are."""
    return {
        "query": {"terms": {"handle": [*handles]}},
        "sort": ["handle", "account_id"],
        "size": AUTHORS_MAX,
        "track_total_hits": False,
    }


def posts_of(author_ids: Collection[AccountId], limit: int) -> Query:
    """Some of their posts."""
    return {
        "query": _by_any(author_ids),
        "sort": ["post_id"],
        "size": limit,
        "track_total_hits": False,
    }


def _says(phrase: Phrase) -> Query:
    return {"match_phrase": {"terms": " ".join(phrase)}}


def _by_any(author_ids: Collection[AccountId]) -> Query:
    return {"terms": {"author_id": [*map(str, author_ids)]}}


def _weight(total: int, found: int) -> float:
    """The inverse document frequency of BM25. Posts may come between two counts."""
    return math.log(1 + (max(total, found) - found + 0.5) / (found + 0.5))
