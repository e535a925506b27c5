"""What the contract of the search index does not say."""

import msgspec

from projections.search_index import SEARCH_INDEX, IndexPerson, IndexPost
from tests import facts


def test_a_post_is_indexed_by_its_terms_and_each_edit_is_a_version() -> None:
    post = facts.tweet("ada", "Good #Morning @bob")
    edit = facts.edited(post, "see https://example.com")

    assert SEARCH_INDEX.project(facts.recorded([post, edit])) == [
        IndexPost(post.post_id, post.actor_id, 1, "good morning bob #morning @bob", False),
        IndexPost(post.post_id, post.actor_id, 2, "see example com", True),
    ]


def test_people_are_indexed_by_handle_and_the_terms_of_their_name() -> None:
    opened = facts.opened("ada", "Ada L.")

    assert SEARCH_INDEX.project(facts.recorded([opened])) == [
        IndexPerson(opened.actor_id, 1, "ada", "ada l")
    ]


def test_erased_words_are_not_indexed() -> None:
    post = msgspec.structs.replace(facts.tweet("ada"), personal=None)
    opened = msgspec.structs.replace(facts.opened("ada"), personal=None)

    assert SEARCH_INDEX.project(facts.recorded([post, opened])) == []
