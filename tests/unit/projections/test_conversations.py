"""What the conversations' projector says beyond what its store's contract shows."""

from projections.conversations import AddPost, DropPost, project
from tests import facts
from tests.facts import account, deleted, recorded, reply, tweet


def test_a_deletion_links_to_the_parent_as_the_post_did() -> None:
    root = tweet("ada")
    answer = reply("bob", root)

    assert project(recorded([root, answer, deleted(answer), deleted(root)])) == [
        AddPost(root.post_id, account("ada"), None),
        AddPost(answer.post_id, account("bob"), root.post_id),
        DropPost(answer.post_id, account("bob"), root.post_id),
        DropPost(root.post_id, account("ada"), None),
    ]


def test_a_quote_is_no_reply() -> None:
    root = tweet("ada")
    quote = tweet("bob", quoting=root)

    assert project(recorded([quote])) == [AddPost(quote.post_id, account("bob"), None)]


def test_events_of_no_concern_give_nothing() -> None:
    assert project(recorded([facts.opened("ada"), facts.liked("ada", tweet("bob"))])) == []
