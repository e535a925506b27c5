import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.search_terms import TERM_CHARS_MAX, query_phrases, search_terms
from domain.text.folding import fold

TEXTS = st.lists(
    st.sampled_from(
        (
            *" #@.\"'_-1",
            *("天", "天気", "か\u3099", "ไทย", "น้ำ", "हिन्दी", "한국", "cats", "Ünï", "ß", "İ"),
            *(
                "http://example.com/a?b",
                "👍🏽",
                "🇩🇪",
                "\u200d",
                "\u0301",
                "\x00",
                "\ud800",
                "\u201c",
            ),
        )
    )
    | st.characters(categories=None),
    max_size=20,
).map("".join)


def finds(query: str, text: str) -> bool:
    """What a backend does: each phrase stands somewhere in the document, term beside term."""
    document = f" {' '.join(search_terms(text))} "
    phrases = query_phrases(query)
    return bool(phrases) and all(f" {' '.join(phrase)} " in document for phrase in phrases)


def test_words_are_folded_and_in_reading_order() -> None:
    assert search_terms("QUICK \ufb01sh, 2nd Straße") == ["quick", "fish", "2nd", "strasse"]


def test_text_without_spaces_is_cut_into_pairs_then_come_its_single_characters() -> None:
    assert search_terms("今天天气 ok") == ["今天", "天天", "天气", "气", "ok", "今", "天"]


def test_hashtags_and_handles_are_words_and_terms_of_their_own() -> None:
    assert search_terms("@Ada likes #New_York") == ["ada", "likes", "new_york", "#new_york", "@ada"]


def test_of_a_link_the_host_and_the_path_are_words() -> None:
    text = "see https://www.example.com/a/%E5%A4%A9%E6%B0%94?utm=1#top now"

    assert search_terms(text)[:7] == ["see", "example", "com", "a", "天气", "气", "now"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("天气", "今天天气很好"),
        ("天天气", "今天天气很好"),
        ("好", "今天天气很好"),
        ("今", "今天天气很好"),
        ("天气 good", "good: 今天天气"),
        ('"天气 good"', "今天天气 good day"),
        ("#天气", "看 #天气!"),
        ("天气", "#天气预报"),
        ("てんき", "今日のてんきは?"),
        ("ﾃﾝｷ", "テンキ予報"),
        ("สวัส", "สวัสดีครับ"),
        ("ຂອບ", "ຂອບໃຈ"),
        ("ភាសា", "ភាសាខ្មែរ"),
        ("မြန်", "မြန်မာ"),
        ("한국", "나는 한국어를 배운다"),
        ("हिन्दी", "मैं हिन्दी बोलता हूँ"),
        ("محمد", "مُحَمَّد"),
        ("احمد", "أحمد"),
        ("می‌خواهم", "میخواهم"),
        ("שלום", "שָׁלוֹם"),
        ("cafe", "Café"),
        ("CAFÉ", "cafe\u0301"),
        ("αθηνα", "Αθήνα"),
        ("istanbul", "İstanbul"),
        ("don't", "I don\u2019t"),
        ("at&t", "AT&T Inc."),
        ('"quick fox"', "the quick fox"),
        ("cats", "my #Cats"),
        ("#cats", "my #Cats"),
        ("@ada", "ask @Ada"),
        ("👍", "nice 👍🏽"),
        ("🇩🇪", "go 🇩🇪!"),
        ("https://www.example.com/story?x=1", "example.com/story"),
    ],
)
def test_a_query_finds(query: str, text: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("气天", "今天天气"),
        ("今气", "今天天气"),
        ("#cats", "my cats"),
        ("@ada", "ask ada"),
        ('"quick fox"', "the quick brown fox"),
        ("don't", "t don"),
        ("हिन्दी", "हिन्द"),
        ("мои", "мой"),
        ("it", "a bit"),
        ("", "anything"),
        ("!?", "anything!?"),
    ],
)
def test_a_query_does_not_find(query: str, text: str) -> None:
    assert not finds(query, text)


def test_what_is_asked_between_quotes_is_one_phrase() -> None:
    assert query_phrases('big "red fox" \u201cno end\u201d "open') == [
        ["big"],
        ["red", "fox"],
        ["no", "end"],
        ["open"],
    ]


def test_a_single_character_at_the_end_of_a_phrase_is_asked_for_alone() -> None:
    assert query_phrases('"good 天"') == [["good"], ["天"]]
    assert query_phrases('"天 good"') == [["天", "good"]]


def test_a_long_word_is_cut_alike_in_text_and_query() -> None:
    word = "a" * 1_000

    assert search_terms(word) == ["a" * TERM_CHARS_MAX]
    assert finds(word, word)


@given(TEXTS)
def test_a_term_holds_nothing_that_a_backend_would_trip_over(text: str) -> None:
    for term in [*search_terms(text), *(term for phrase in query_phrases(text) for term in phrase)]:
        assert 0 < len(term) <= TERM_CHARS_MAX + 1
        assert not re.search(r"[\s\"'\x00-\x1f\x7f\u201c\u201d\ud800-\udfff]", term)


@given(TEXTS)
def test_a_text_is_found_by_itself(text: str) -> None:
    assert finds(text, text) or not query_phrases(text)


@given(st.text(st.characters(categories=["L", "M", "N"]), max_size=20))
@example("a\u0596\u0300")  # a sign that always goes stands between a letter and its accent
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
