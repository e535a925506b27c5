"""The tables of home timelines in SQLite.

`items` holds exactly the live items, `ties` how each reader stands to others: homes follow from
these two. What is kept ready in memory (`home_ready`) only names items; reading looks up whether
each is live, so that a deletion needs no write there. An item is pulled, never pushed, below its
author's `pulled_below`: all of them for an author with many followers, those written until then for
one who has few again, none for the rest.
"""

from typing import Final

from infra.sqlite.projection_file import Statements
from projections.home_timelines import AddPost, DropAccount, DropPost, SetRepost, SetTie

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS items (
    actor_id INTEGER NOT NULL, item_id INTEGER NOT NULL, post_id INTEGER NOT NULL,
    post_author_id INTEGER NOT NULL, PRIMARY KEY (actor_id, item_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_id ON items (item_id, actor_id, post_id, post_author_id);
CREATE INDEX IF NOT EXISTS reposts_of ON items (post_author_id, post_id) WHERE post_id <> item_id;
CREATE TABLE IF NOT EXISTS reposts (
    account_id INTEGER NOT NULL, post_id INTEGER NOT NULL, post_author_id INTEGER NOT NULL,
    item_id INTEGER NOT NULL, live INTEGER NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (account_id, post_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_posts (post_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dropped_accounts (account_id INTEGER PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ties (
    reader_id INTEGER NOT NULL, other_id INTEGER NOT NULL, follows INTEGER NOT NULL,
    hides INTEGER NOT NULL, version INTEGER NOT NULL, pulled INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (reader_id, other_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS followers ON ties (other_id, reader_id, follows) WHERE follows = 1;
CREATE INDEX IF NOT EXISTS pulled_ties ON ties (reader_id, other_id, pulled, follows, hides)
    WHERE pulled = 1 AND follows = 1;
CREATE TABLE IF NOT EXISTS authors (
    account_id INTEGER PRIMARY KEY, followers INTEGER NOT NULL,
    pulled_below INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS thresholds (threshold REAL NOT NULL);

CREATE TRIGGER IF NOT EXISTS repost_first AFTER INSERT ON reposts WHEN NEW.live = 1 BEGIN
    INSERT OR IGNORE INTO items SELECT NEW.account_id, NEW.item_id, NEW.post_id, NEW.post_author_id
    WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = NEW.post_id)
    AND NOT EXISTS (SELECT 1 FROM dropped_accounts
        WHERE account_id IN (NEW.account_id, NEW.post_author_id));
END;
CREATE TRIGGER IF NOT EXISTS repost_again AFTER UPDATE ON reposts BEGIN
    DELETE FROM items WHERE actor_id = OLD.account_id AND item_id = OLD.item_id;
    INSERT OR IGNORE INTO items SELECT NEW.account_id, NEW.item_id, NEW.post_id, NEW.post_author_id
    WHERE NEW.live = 1
    AND NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = NEW.post_id)
    AND NOT EXISTS (SELECT 1 FROM dropped_accounts
        WHERE account_id IN (NEW.account_id, NEW.post_author_id));
END;
CREATE TRIGGER IF NOT EXISTS followed_first AFTER INSERT ON ties WHEN NEW.follows = 1 BEGIN
    INSERT INTO authors (account_id, followers) VALUES (NEW.other_id, 1)
    ON CONFLICT DO UPDATE SET followers = followers + 1;
END;
CREATE TRIGGER IF NOT EXISTS followed_again AFTER UPDATE OF follows ON ties
WHEN NEW.follows <> OLD.follows BEGIN
    INSERT INTO authors (account_id, followers) VALUES (NEW.other_id, NEW.follows)
    ON CONFLICT DO UPDATE SET followers = followers + NEW.follows - OLD.follows;
END;
CREATE TRIGGER IF NOT EXISTS follower_gone AFTER DELETE ON ties WHEN OLD.follows = 1 BEGIN
    UPDATE authors SET followers = followers - 1 WHERE account_id = OLD.other_id;
END;
"""

STATEMENTS: Final[Statements] = {
    AddPost: (
        """INSERT OR IGNORE INTO items SELECT ?1, ?2, ?2, ?1
        WHERE NOT EXISTS (SELECT 1 FROM dropped_posts WHERE post_id = ?2)
        AND NOT EXISTS (SELECT 1 FROM dropped_accounts WHERE account_id = ?1)""",
    ),
    DropPost: (
        "DELETE FROM items WHERE actor_id = ?1 AND item_id = ?2",
        "DELETE FROM items WHERE post_author_id = ?1 AND post_id = ?2 AND post_id <> item_id",
        "INSERT OR IGNORE INTO dropped_posts SELECT ?2 WHERE ?1 > 0",
    ),
    SetRepost: (
        """INSERT INTO reposts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
        SET item_id = excluded.item_id, live = excluded.live, version = excluded.version
        WHERE excluded.version > version""",
    ),
    SetTie: (
        """INSERT INTO ties (reader_id, other_id, follows, hides, version)
        SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (
            SELECT 1 FROM dropped_accounts WHERE account_id IN (?1, ?2))
        ON CONFLICT DO UPDATE
        SET follows = excluded.follows, hides = excluded.hides, version = excluded.version
        WHERE excluded.version > version""",
    ),
    DropAccount: (
        "DELETE FROM items WHERE actor_id = ?",
        "DELETE FROM items WHERE post_author_id = ? AND post_id <> item_id",
        # Ties come in pairs, so those towards the account are found by those from it.
        """DELETE FROM ties WHERE other_id = ?1
        AND reader_id IN (SELECT other_id FROM ties WHERE reader_id = ?1)""",
        "DELETE FROM ties WHERE reader_id = ?",
        "INSERT OR IGNORE INTO dropped_accounts VALUES (?)",
    ),
}
