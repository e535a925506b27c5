"""The search index in SQLite: FTS5 over the domain's terms."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from domain.ids import ID_MAX, AccountId, PostId, first_id_at
from domain.search_query import PeopleQuery, Phrase, PostQuery
from infra.sqlite.projection_file import ProjectionFile, Statements
from projections.search_index import (
    RANKED_MAX,
    DropPerson,
    DropPost,
    Found,
    IndexPerson,
    IndexPost,
    Operation,
    Rank,
)
from projections.windows import Window

CANDIDATES_MAX: Final = 5_000  # so many posts, the newest, are ranked


# Splits at spaces only, and changes nothing: terms are ASCII lower-cased and hold no quotes.
_TERMS: Final = r"""tokenize = "ascii tokenchars '!#$%&()*+,-./:;<=>?@[\]^_`{|}~'" """
# FTS5 ends a segment of its index at every statement of a trigger, so triggers only note what the
# index holds for a post that changed (NULL: nothing), and it is rewritten once, when a batch ends.
# Without sizes of rows bm25() gives longer posts no malus: among posts of a few words that is the
# better ranking (tests/bench/bench_search_quality.py: MAP 0.35, with them 0.30).
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS posts (
    post_id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL, version INTEGER NOT NULL,
    terms TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS posts_by_author ON posts (author_id);
CREATE TABLE IF NOT EXISTS changed_posts (post_id INTEGER PRIMARY KEY, indexed_terms TEXT);
CREATE VIRTUAL TABLE IF NOT EXISTS post_terms USING fts5 (
    terms, content = '', columnsize = 0, {_TERMS});
CREATE TRIGGER IF NOT EXISTS post_came AFTER INSERT ON posts BEGIN
    INSERT INTO changed_posts VALUES (NEW.post_id, NULL) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER IF NOT EXISTS post_changed AFTER UPDATE ON posts BEGIN
    INSERT INTO changed_posts VALUES (OLD.post_id, OLD.terms) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER IF NOT EXISTS post_went AFTER DELETE ON posts BEGIN
    INSERT INTO changed_posts VALUES (OLD.post_id, OLD.terms) ON CONFLICT DO NOTHING;
END;
CREATE TABLE IF NOT EXISTS people (
    account_id INTEGER PRIMARY KEY, version INTEGER NOT NULL, handle TEXT NOT NULL,
    name_terms TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS people_by_handle ON people (handle, account_id);
CREATE VIRTUAL TABLE IF NOT EXISTS name_terms USING fts5 (
    terms, content = '', columnsize = 0, prefix = '1 2 3', {_TERMS});
CREATE TRIGGER IF NOT EXISTS person_came AFTER INSERT ON people BEGIN
    INSERT INTO name_terms (rowid, terms) VALUES (NEW.account_id, NEW.name_terms);
END;
CREATE TRIGGER IF NOT EXISTS person_changed AFTER UPDATE ON people BEGIN
    INSERT INTO name_terms (name_terms, rowid, terms)
    VALUES ('delete', OLD.account_id, OLD.name_terms);
    INSERT INTO name_terms (rowid, terms) VALUES (NEW.account_id, NEW.name_terms);
END;
CREATE TRIGGER IF NOT EXISTS person_went AFTER DELETE ON people BEGIN
    INSERT INTO name_terms (name_terms, rowid, terms)
    VALUES ('delete', OLD.account_id, OLD.name_terms);
END;
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS dropped_people (account_id INTEGER PRIMARY KEY);
"""  # noqa: S608 - constants
# Author and links are terms of the post too: no word has a colon.
_STATEMENTS: Final[Statements] = {
    IndexPost: (
        """INSERT INTO posts
        SELECT ?1, ?2, ?3, ?4 || ' is:post from:' || ?2 || iif(?5, ' has:links', '')
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?1)
        AND NOT EXISTS (SELECT 1 FROM dropped_people WHERE account_id = ?2)
        ON CONFLICT DO UPDATE SET version = excluded.version, terms = excluded.terms
        WHERE excluded.version > version""",
    ),
    DropPost: (
        "DELETE FROM posts WHERE post_id = ?",
        "INSERT OR IGNORE INTO dropped_posts VALUES (?)",
    ),
    IndexPerson: (
        """INSERT INTO people SELECT ?1, ?2, ?3, ?4
        WHERE NOT EXISTS (SELECT 1 FROM dropped_people WHERE account_id = ?1)
        ON CONFLICT DO UPDATE SET version = excluded.version, handle = excluded.handle,
            name_terms = excluded.name_terms
        WHERE excluded.version > version""",
    ),
    DropPerson: (
        "DELETE FROM posts WHERE author_id = ?",
        "DELETE FROM people WHERE account_id = ?",
        "INSERT OR IGNORE INTO dropped_people VALUES (?)",
    ),
}
_REINDEX: Final = (
    """INSERT INTO post_terms (post_terms, rowid, terms)
    SELECT 'delete', post_id, indexed_terms FROM changed_posts
    WHERE indexed_terms IS NOT NULL""",
    """INSERT INTO post_terms (rowid, terms)
    SELECT post_id, terms FROM changed_posts JOIN posts USING (post_id)""",
    "DELETE FROM changed_posts",
)
_IN_BOUNDS: Final = "FROM post_terms WHERE post_terms MATCH :match AND rowid BETWEEN :low AND :high"
_NEWEST: Final = f"SELECT rowid {_IN_BOUNDS} ORDER BY rowid {{order}} LIMIT :limit"
_COUNT: Final = f"SELECT count(*) FROM (SELECT rowid {_IN_BOUNDS} LIMIT :limit)"  # noqa: S608
_RELEVANT: Final = f"""SELECT rowid FROM (
    SELECT rowid, bm25(post_terms) AS malus {_IN_BOUNDS} ORDER BY rowid DESC LIMIT :candidates)
ORDER BY malus, rowid DESC LIMIT :limit OFFSET :offset"""  # noqa: S608 - constants
# "{" sorts right behind all that a handle may have. The very handle is the first of those.
_BY_HANDLE: Final = """SELECT * FROM (SELECT account_id FROM people
WHERE handle >= :handle AND handle < :handle || '{' AND account_id <= :ceiling
ORDER BY handle, account_id LIMIT :most)"""
_BY_NAME: Final = """SELECT * FROM (SELECT rowid FROM name_terms
WHERE name_terms MATCH :match AND rowid <= :ceiling AND NOT EXISTS (SELECT 1 FROM people
    WHERE account_id = name_terms.rowid AND handle >= :handle AND handle < :handle || '{')
ORDER BY rowid LIMIT :most)"""


class SqliteSearchIndex:
    """Implements `projections.search_index.SearchIndex`."""

    def __init__(self, path: Path) -> None:
        self._file = ProjectionFile(path, _SCHEMA, _STATEMENTS)
        self.close = self._file.close

    async def apply(self, operations: Sequence[Operation], checkpoint: Mapping[int, int]) -> None:
        """See `Store.apply`."""
        with self._file.applying(operations, checkpoint) as writer:
            for statement in _REINDEX if operations else ():
                writer.execute(statement)

    async def checkpoint(self) -> Mapping[int, int]:
        """See `Checkpoints.checkpoint`."""
        return self._file.checkpoint()

    async def newest_posts(self, query: PostQuery, window: Window, limit: int) -> Sequence[PostId]:
        """See `SearchIndex.newest_posts`."""
        filters = self._filters(query)
        if filters is None:
            return ()
        low, high = _bounds(query, above=window.above, below=window.below)
        match = filters.around(*map(_quoted, query.words))
        sql = _NEWEST.format(order="ASC" if window.upwards else "DESC")
        values = {"match": match, "low": low, "high": high, "limit": limit}
        found = [PostId(row[0]) for row in self._file.reader.execute(sql, values)]
        return found[::-1] if window.upwards else found

    async def relevant_posts(
        self, query: PostQuery, after: Rank | None, limit: int
    ) -> Found[PostId]:
        """See `SearchIndex.relevant_posts`."""
        filters = self._filters(query)
        if filters is None:
            return Found((), None)
        rank = after or self._start("posts", "post_id")
        low, high = _bounds(query, above=0, below=rank.ceiling + 1)
        values = {"low": low, "high": high, "candidates": CANDIDATES_MAX, **_page(rank, limit)}
        match = self._ranked_match(filters, query.words, values)
        rows = self._file.reader.execute(_RELEVANT, {**values, "match": match}).fetchall()
        return Found([PostId(row[0]) for row in rows[:limit]], _next(rank, limit, len(rows)))

    async def accounts(
        self, query: PeopleQuery, after: Rank | None, limit: int
    ) -> Found[AccountId]:
        """See `SearchIndex.accounts`."""
        arms = [_BY_HANDLE] * (query.handle is not None) + [_BY_NAME] * bool(query.words)
        if not arms:
            return Found((), None)
        rank = after or self._start("people", "account_id")
        sql = f"{' UNION ALL '.join(arms)} LIMIT :limit OFFSET :offset"
        values = {
            "handle": query.handle or "{",  # a handle that nobody has
            "match": f"{' AND '.join(map(_quoted, query.words))} *",
            "ceiling": min(rank.ceiling, ID_MAX),
            "most": RANKED_MAX,
            **_page(rank, limit),
        }
        rows = self._file.reader.execute(sql, values).fetchall()
        return Found([AccountId(row[0]) for row in rows[:limit]], _next(rank, limit, len(rows)))

    def _ranked_match(
        self, filters: "_Filters", words: Sequence[Phrase], bounds: Mapping[str, int]
    ) -> str:
        """Rare words find the candidates as far as these are few enough to be ranked all; common
        words then only weigh, so that "the" does not crowd out what the others find."""
        hits: dict[str, int] = {}
        for word in map(_quoted, words):
            values = {**bounds, "match": filters.around(word), "limit": CANDIDATES_MAX + 1}
            hits[word] = self._file.reader.execute(_COUNT, values).fetchone()[0]
        by_rarity = sorted(hits, key=lambda word: hits[word])
        finding: list[str] = []
        found = 0
        for word in by_rarity:
            if found and found + hits[word] > CANDIDATES_MAX:
                break
            found += hits[word]
            finding.append(word)
        if not by_rarity:
            return filters.around()
        if len(finding) == len(by_rarity):
            return filters.around(_any_of(finding))
        return filters.around(_any_of(finding), _any_of(by_rarity))

    def _filters(self, query: PostQuery) -> "_Filters | None":
        """What no post may lack; None if nothing can be found."""
        if query.finds_nothing:
            return None
        authors = self._authors(query.authors)
        if query.authors and not authors:
            return None
        required = [*map(_quoted, query.phrases), *(f'"has:{facet}"' for facet in query.has)]
        if authors:
            required.append(_any_of(authors))
        excluded = [f"({' AND '.join(map(_quoted, phrases))})" for phrases in query.without]
        excluded += (f'"has:{facet}"' for facet in query.has_not)
        excluded += self._authors(query.not_authors)
        return _Filters(required, excluded)

    def _authors(self, handles: Sequence[str]) -> list[str]:
        if not handles:
            return []
        sql = "SELECT account_id FROM people WHERE handle IN (SELECT value FROM json_each(?))"
        rows = self._file.reader.execute(sql, (orjson.dumps(handles),))
        return [f'"from:{account_id}"' for (account_id,) in rows]

    def _start(self, table: str, key: str) -> Rank:
        """The first page, of what there is now."""
        sql = f"SELECT max({key}) FROM {table}"  # noqa: S608 - both are written above
        (newest,) = self._file.reader.execute(sql).fetchone()
        return Rank(newest or 0, 0)


class _Filters(NamedTuple):
    """Parts of an FTS5 expression."""

    required: list[str]
    excluded: list[str]

    def around(self, *parts: str) -> str:
        """The expression of posts that hold these parts too."""
        match = " AND ".join([*self.required, *parts]) or '"is:post"'
        return f"({match}) NOT {_any_of(self.excluded)}" if self.excluded else match


def _quoted(phrase: Phrase) -> str:
    return '"' + " ".join(phrase).replace('"', '""') + '"'


def _any_of(parts: Sequence[str]) -> str:
    return f"({' OR '.join(parts)})"


def _bounds(query: PostQuery, *, above: int, below: int) -> tuple[int, int]:
    """The lowest and the highest id that a post may have."""
    since = 0 if query.since_ms is None else first_id_at(query.since_ms)
    until = ID_MAX if query.until_ms is None else first_id_at(query.until_ms)
    return min(max(above + 1, since), ID_MAX), min(below, until) - 1


def _page(rank: Rank, limit: int) -> dict[str, int]:
    """One row more than asked for says whether there is a next page."""
    offset = min(max(rank.offset, 0), RANKED_MAX)
    return {"offset": offset, "limit": min(limit + 1, RANKED_MAX - offset)}


def _next(rank: Rank, limit: int, found: int) -> Rank | None:
    return Rank(rank.ceiling, rank.offset + limit) if found > limit else None
