"""What the contract of trends does not say."""

import msgspec

from domain.ids import millis_of
from projections.trends import HOUR_MS, TRENDS, SetTags, score
from tests import facts


def test_a_post_without_tags_is_nothing_to_store() -> None:
    assert TRENDS.project(facts.recorded([facts.tweet("ada", "no tag")])) == []


def test_a_tag_counts_once_in_a_post_in_the_form_it_has_first() -> None:
    post = facts.tweet("ada", "#Tea #TEA #cake")

    assert TRENDS.project(facts.recorded([post])) == [
        SetTags(
            post.post_id,
            post.actor_id,
            hour=millis_of(post.post_id) // HOUR_MS,
            version=1,
            tags=(("tea", "Tea"), ("cake", "cake")),
        )
    ]


def test_an_edit_that_leaves_no_tags_is_stored() -> None:
    post = facts.tweet("ada", "#tea")
    plain = facts.edited(post, "no tag")
    erased = msgspec.structs.replace(plain, personal=None)

    for edit in (plain, erased):
        (operation,) = TRENDS.project(facts.recorded([edit]))
        assert isinstance(operation, SetTags)
        assert (operation.version, operation.tags) == (2, ())


def test_a_score_grows_with_what_is_new_and_shrinks_with_what_is_usual() -> None:
    assert score(4, 0) == 4
    assert score(8, 0) > score(8, 1) > score(8, 4) > score(8, 8) == 0 > score(8, 9)
