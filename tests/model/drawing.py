"""What may be drawn: commands of people who are numbers, and how often which."""

from typing import Any, Final

from hypothesis import strategies as st

from tests.model import commands

PEOPLE_MAX: Final = 8
MENTIONED: Final = ("@ada", "@BOB", "@cleo", "@dan", "@nobody")
THRESHOLDS: Final = ("2", "2", "3", "3", "0", "inf")


def often(*weighted: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of these, each so often: `one_of` takes what it is given twice for one."""
    chosen = [strategy for weight, strategy in weighted for _ in range(weight)]
    return st.integers(0, len(chosen) - 1).flatmap(lambda index: chosen[index])


number = st.integers(0, 30)
person = st.integers(0, PEOPLE_MAX - 1)
post = often((1, st.integers(0, 2)), (1, number))  # 0 is the newest: much happens to few of them
on = st.sampled_from((True, True, False))
threshold = st.sampled_from(THRESHOLDS)
words = st.lists(
    st.sampled_from(("red", "green", "blue", "#sun", "#moon", *MENTIONED)), min_size=1, max_size=4
).map(" ".join)
texts = often((9, words), (1, st.sampled_from(("", "x" * 281, "x" * 280))))
amiss = st.sampled_from((*("nothing",) * 6, "author", "kind"))

writing = often(
    (1, st.builds(commands.Post, person, texts)),
    (1, st.builds(commands.Reply, person, post, texts)),
    (1, st.builds(commands.Quote, person, post, texts)),
)
changing = often(
    (2, st.builds(commands.Edit, person, post, texts, often((6, amiss), (1, st.just("version"))))),
    (1, st.builds(commands.Delete, person, number, amiss)),
)
reacting = st.builds(
    commands.React, person, post, st.sampled_from(("like", "repost", "repost", "bookmark")), on
)
following = st.builds(commands.Relate, person, person, st.just("follow"), st.just(value=True))
relating = often(
    (1, following),
    (
        2,
        st.builds(
            commands.Relate,
            person,
            person,
            st.sampled_from(("follow", "follow", "block", "mute")),
            on,
        ),
    ),
)
moderating = often(
    (1, st.builds(commands.Suspend, person, st.sampled_from((True, False, False)))),
    (1, st.builds(commands.Hide, number, st.booleans())),
    (1, st.builds(commands.Report, person, number)),
)
responding = often((1, reacting), (1, changing))
anything = often((2, writing), (4, responding), (2, relating), (1, moderating))
