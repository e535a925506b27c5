"""What the post cards' projector says beyond what its store's contract shows."""

from domain.events import BookmarkAdded, Recorded, TweetPosted
from domain.objects import text_members
from projections.post_cards import (
    AddPost,
    DropPost,
    EditPost,
    SetBookmark,
    SetLike,
    SetRepost,
    counts_json,
    project,
)
from tests import facts
from tests.facts import account, deleted, edited, recorded, reply, reposted, tweet, unliked


def test_a_posts_version_is_one_and_its_edits() -> None:
    post = tweet("ada")
    first, second = edited(post, "two"), edited(post, "three")

    operations = project(recorded([post, first, second]))

    assert [type(operation) for operation in operations] == [AddPost, EditPost, EditPost]
    assert [o.version for o in operations if isinstance(o, EditPost)] == [2, 3]
    assert [o.event_id for o in operations if isinstance(o, EditPost)] == [
        first.event_id,
        second.event_id,
    ]


def test_what_an_account_does_with_a_post_is_a_register_as_of_the_event() -> None:
    post = tweet("ada")
    repost, unlike = reposted("bob", post), unliked("bob", post)
    bookmark = BookmarkAdded(
        event_id=facts.event_id(), actor_id=account("bob"), post_id=post.post_id
    )

    assert project(recorded([repost, unlike, bookmark])) == [
        SetRepost(account("bob"), post.post_id, repost.event_id, on=True),
        SetLike(account("bob"), post.post_id, unlike.event_id, on=False),
        SetBookmark(account("bob"), post.post_id, bookmark.event_id, on=True),
    ]


def test_tweets_and_replies_are_deleted_alike() -> None:
    post = tweet("ada")
    answer = reply("bob", post)

    assert project(recorded([deleted(post), deleted(answer)])) == [
        DropPost(post.post_id),
        DropPost(answer.post_id),
    ]


def test_an_erased_persons_post_has_no_words() -> None:
    erased = TweetPosted(event_id=facts.event_id(), actor_id=account("ada"), personal=None)

    (added,) = project([Recorded(erased, erased.event_id, 1)])

    assert isinstance(added, AddPost)
    assert added.text == text_members(facts.text_of("x"), version=1, edited_at_ms=None).replace(
        b'"x"', b'""'
    )


def test_events_of_no_concern_give_nothing() -> None:
    assert project(recorded([facts.opened("ada")])) == []


def test_counts_are_written_in_the_order_of_the_contract() -> None:
    assert counts_json(1, 2, 3, 4) == b'{"replies":1,"reposts":2,"likes":3,"quotes":4}'
