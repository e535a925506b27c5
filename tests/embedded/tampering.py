"""What somebody may do to the files of views: rows lost, made up, changed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from infra.folder import projection_file
from streams.registry import BY_NAME


class Plant(NamedTuple):
    """What somebody does to a view's file: `subject` finds whom to do it to, and `key` names them
    in the proof."""

    projection: str
    subject: str
    damage: str
    key: str


PLANTS: Final = {
    "a lost like": Plant(
        "post_cards",
        "SELECT post_id, account_id FROM reactions WHERE liked > 0 AND post_id IN "
        "(SELECT post_id FROM posts)",
        "UPDATE reactions SET liked = 0 WHERE post_id = ?1 AND account_id = ?2",
        "post/{}",
    ),
    "a wrong count": Plant(
        "post_cards",
        "SELECT post_id FROM counts JOIN posts USING (post_id)",
        "UPDATE counts SET replies = replies + 1 WHERE post_id = ?1",
        "post/{}",
    ),
    "another text": Plant(
        "post_cards",
        "SELECT post_id FROM posts",
        "UPDATE posts SET text = replace(CAST(text AS TEXT), 'hello', 'jello'), "
        "edited = replace(CAST(edited AS TEXT), 'news', 'olds') WHERE ?1",
        "post/",
    ),
    "a lost bookmark": Plant(
        "post_cards",
        "SELECT account_id, post_id FROM reactions WHERE bookmarked > 0 AND post_id IN "
        "(SELECT post_id FROM posts)",
        "UPDATE reactions SET bookmarked = 0 WHERE account_id = ?1 AND post_id = ?2",
        "account/{}",
    ),
    "a lost post": Plant(
        "author_timelines",
        "SELECT author_id, post_id FROM posts",
        "DELETE FROM posts WHERE author_id = ?1 AND post_id = ?2",
        "account/{}",
    ),
    "a wrong number of tweets": Plant(
        "author_timelines",
        "SELECT author_id FROM counts WHERE tweets > 0",
        "UPDATE counts SET tweets = tweets - 1 WHERE author_id = ?1",
        "account/{}",
    ),
    "a lost entry of a home": Plant(
        "home_timelines",
        "SELECT actor_id, item_id FROM items",
        "DELETE FROM items WHERE actor_id = ?1 AND item_id = ?2",
        "account/{}",
    ),
    "a phantom in a home": Plant(
        "home_timelines",
        "SELECT actor_id FROM items",
        "INSERT INTO items VALUES (?1, 7, 7, ?1)",
        "account/{}",
    ),
    "a lost reply": Plant(
        "conversations",
        "SELECT parent_id, post_id FROM posts WHERE parent_id IS NOT NULL AND live = 1",
        "DELETE FROM posts WHERE parent_id = ?1 AND post_id = ?2",
        "post/{}",
    ),
    "a phantom edge": Plant(
        "follower_graph",
        "SELECT account_id FROM ties",
        "INSERT INTO ties SELECT ?1, 7, 1, 1, 0, 0, 0, 0, 7, 0, 0, 0",
        "account/{}",
    ),
    "a wrong number of followers": Plant(
        "follower_graph",
        "SELECT account_id FROM counts",
        "UPDATE counts SET followers = followers + 1 WHERE account_id = ?1",
        "account/{}",
    ),
    "a lost document": Plant(
        "search_index",
        "SELECT post_id FROM posts WHERE terms LIKE 'hello %'",
        "INSERT INTO post_terms (post_terms, rowid, terms) "
        "SELECT 'delete', post_id, terms FROM posts WHERE post_id = ?1",
        "term/hello",
    ),
    "a stale document": Plant(
        "search_index",
        "SELECT post_id FROM posts WHERE terms NOT LIKE 'hello %'",
        "INSERT INTO post_terms (rowid, terms) SELECT ?1, 'hello is:post'",
        "term/hello",
    ),
    "another handle": Plant(
        "search_index",
        "SELECT account_id FROM people",
        "UPDATE people SET handle = 'somebody' WHERE account_id = ?1",
        "handle/",
    ),
    "a wrong series": Plant(
        "engagement",
        "SELECT post_id FROM post_hours JOIN posts USING (post_id)",
        "UPDATE post_hours SET n = n + 1 WHERE post_id = ?1",
        "post/{}",
    ),
    "a wrong series of a tag": Plant(
        "engagement",
        "SELECT tag FROM tag_hours WHERE n > 0",
        "UPDATE tag_hours SET n = n + 1 WHERE tag = ?1",
        "tag/{}",
    ),
    "a wrong trend": Plant(
        "trends",
        "SELECT hour, tag FROM hours WHERE people > 0",
        "UPDATE hours SET people = people + 9 WHERE hour = ?1 AND tag = ?2",
        "hour/{}",
    ),
    "a missing notification": Plant(
        "notifications",
        "SELECT recipient_id, item_id FROM notifications WHERE live = 1",
        "DELETE FROM notifications WHERE recipient_id = ?1 AND item_id = ?2",
        "account/{}",
    ),
    "another display name": Plant(
        "account_directory",
        "SELECT account_id FROM accounts",
        "UPDATE accounts SET members = replace(CAST(members AS TEXT), 'display_name\":\"', "
        "'display_name\":\"x') WHERE account_id = ?1",
        "account/{}",
    ),
    "a phantom account": Plant(
        "account_directory",
        "SELECT 1",
        "INSERT INTO accounts SELECT 7, 'phantom', members, 1 FROM accounts LIMIT ?1",
        "list/accounts",
    ),
    "a lost report": Plant(
        "moderation",
        "SELECT report_id FROM reports WHERE resolved = 0",
        "DELETE FROM reports WHERE report_id = ?1",
        "list/open-reports",
    ),
    "a changed audit log": Plant(
        "moderation",
        "SELECT event_id FROM audit_log",
        "UPDATE audit_log SET action = 'nothing' WHERE event_id = ?1",
        "list/audit-log",
    ),
}


def damage(folder: Path, plant: Plant) -> str:
    """Do it; the key that the proof must name."""
    path = projection_file(folder, plant.projection, BY_NAME[plant.projection].version, 1)
    with closing(sqlite3.connect(path)) as file:
        subject = file.execute(f"{plant.subject} LIMIT 1").fetchone()
        assert subject is not None, "There is nobody to do it to"
        wanted = plant.damage.count("?2") > 0
        file.execute(plant.damage, subject if wanted else subject[:1])
        assert file.total_changes > 0
        file.commit()
    return plant.key.format(subject[0])
