"""What of an event concerns homes."""

from domain.events import AccountBlocked, AccountFollowed, AccountMuted
from projections.home_timelines import HOME_TIMELINES, AddPost, SetTie, project
from tests import facts

ADA, BOB = facts.account("ada"), facts.account("bob")


def test_of_replies_only_those_to_oneself_stand_in_homes() -> None:
    post = facts.tweet("ada")
    thread, answer = facts.reply("ada", post), facts.reply("bob", post)

    operations = project(facts.recorded([post, thread, answer]))

    assert operations == [AddPost(ADA, post.post_id), AddPost(ADA, thread.post_id)]


def test_a_follow_says_how_either_stands_to_the_other() -> None:
    followed = facts.Log().relate(AccountFollowed, "bob", "ada")

    assert project(followed) == [
        SetTie(BOB, ADA, follows=True, hides=False, version=1),
        SetTie(ADA, BOB, follows=False, hides=False, version=1),
    ]


def test_a_mute_hides_from_the_muter_and_a_block_from_both() -> None:
    log = facts.Log()
    log.relate(AccountMuted, "ada", "bob")
    log.relate(AccountBlocked, "bob", "ada")

    hidden = [(op.reader_id, op.hides) for op in project(log.recorded) if isinstance(op, SetTie)]

    assert hidden == [(ADA, True), (BOB, False), (BOB, True), (ADA, True)]


def test_an_edit_or_a_like_is_no_concern_of_homes() -> None:
    post = facts.tweet("ada")

    events = [facts.edited(post, "better"), facts.liked("bob", post)]

    assert not {type(event) for event in events} & HOME_TIMELINES.events
    assert project(facts.recorded(events)) == []
