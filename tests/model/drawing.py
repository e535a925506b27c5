"""What may be drawn: commands of people who are numbers, and how often which."""

from typing import Final

from hypothesis import strategies as st

from tests.model import commands

PEOPLE_MAX: Final = 8
MENTIONED: Final = ("@ada", "@BOB", "@cleo", "@dan", "@nobody")
THRESHOLDS: Final = ("2", "2", "3", "3", "0", "inf")

number = st.integers(0, 30)
post = st.one_of(st.integers(0, 2), number)  # 0 is the newest: much happens to few of them
person = st.integers(0, PEOPLE_MAX - 1)
on = st.sampled_from((True, True, True, False))
threshold = st.sampled_from(THRESHOLDS)
words = st.lists(
    st.sampled_from(("red", "green", "blue", "#sun", "#moon", *MENTIONED)), min_size=1, max_size=4
).map(" ".join)
texts = st.one_of(words, words, words, words, st.sampled_from(("", "x" * 281, "x" * 280)))
amiss = st.sampled_from(("nothing", "nothing", "nothing", "author", "kind"))

writing = st.one_of(
    st.builds(commands.Post, person, texts),
    st.builds(commands.Reply, person, post, texts),
    st.builds(commands.Quote, person, post, texts),
)
changing = st.one_of(
    st.builds(commands.Edit, person, post, texts, st.one_of(amiss, amiss, st.just("version"))),
    st.builds(commands.Edit, person, post, texts),
    st.builds(commands.Delete, person, number, amiss),
)
reacting = st.builds(
    commands.React, person, post, st.sampled_from(("like", "repost", "repost", "bookmark")), on
)
following = st.builds(commands.Relate, person, person, st.just("follow"), st.just(value=True))
relating = st.one_of(
    following,
    st.builds(commands.Relate, person, person, st.sampled_from(("follow", "block", "mute")), on),
)
moderating = st.one_of(
    st.builds(commands.Suspend, person, st.sampled_from((True, False, False))),
    st.builds(commands.Hide, number, st.booleans()),
    st.builds(commands.Report, person, number),
)
responding = st.one_of(reacting, reacting, changing)
anything = st.one_of(writing, responding, responding, relating, moderating)
