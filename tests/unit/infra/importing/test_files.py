"""Whatever a file has in it, a line gives a record or the reason why it is none."""

import gzip
from pathlib import Path

import pytest

from domain.ids import EPOCH_MS
from infra.importing.files import (
    LINE_BYTES_MAX,
    FollowLine,
    Malformed,
    PostLine,
    UnreadableFile,
    read_follows,
    read_posts,
)

TWEET = (
    '{"id":"7","user":"ada","created_at":"2012-10-25T21:00:34Z","text":"hello","in_reply_to":"6"}'
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def posts_of(path: Path, content: str | bytes) -> list[PostLine | Malformed]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_posts(path))


def only_post(path: Path, content: str | bytes) -> PostLine:
    (found,) = posts_of(path, content)
    assert isinstance(found, PostLine), found
    return found


def reason(path: Path, content: str | bytes) -> str:
    (found,) = posts_of(path, content)
    assert isinstance(found, Malformed)
    return found.reason


def test_a_post_is_read_whole(path: Path) -> None:
    post = only_post(path, TWEET)

    assert post == PostLine(1, "7", "ada", 1_351_198_834_000, "hello", "6", TWEET.encode())


def test_a_gzipped_file_reads_the_same_whatever_its_name(path: Path) -> None:
    assert posts_of(path, gzip.compress(TWEET.encode())) == posts_of(path, TWEET)


def test_numbers_are_ids_too(path: Path) -> None:
    post = only_post(path, '{"id":7,"user":12,"text":"hello","in_reply_to":6}')

    assert (post.id, post.user, post.in_reply_to) == ("7", "12", "6")


def test_author_time_and_parent_may_be_missing_or_null(path: Path) -> None:
    post = only_post(path, '{"id":"7","text":"hello","user":null,"in_reply_to":null}')

    assert (post.user, post.at_ms, post.in_reply_to) == (None, None, None)


def test_an_empty_author_is_none(path: Path) -> None:
    assert only_post(path, '{"id":"7","text":"hello","user":" "}').user is None


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2012-10-25T21:00:34", 1_351_198_834_000),
        ("2012-10-25T23:00:34+02:00", 1_351_198_834_000),
        ("2012-10-25T21:00:34.250Z", 1_351_198_834_250),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(path: Path, written: str, ms: int) -> None:
    post = only_post(path, f'{{"id":"7","text":"hello","created_at":"{written}"}}')

    assert post.at_ms == ms


def test_empty_lines_are_nothing_but_count_as_lines(path: Path) -> None:
    (post,) = posts_of(path, f"\n  \n{TWEET}\r\n\n")

    assert post.number == 3


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (b"{", "truncated"),
        (b"[1]", "object"),
        (b"\xff\xfe{}", "malformed"),
        (b'{"id":"7","text":"\xff"}', "utf-8"),
        (b'{"id":"7"}', "text"),
        (b'{"text":"hello"}', "id"),
        (b'{"id":"","text":"hello"}', "id is empty"),
        (b'{"id":null,"text":"hello"}', "id"),
        (b'{"id":"7","text":7}', "text"),
        (b'{"id":"7","text":"hello","created_at":"yesterday"}', "RFC 3339"),
        (b'{"id":"7","text":"hello","created_at":"2010-11-04T01:00:00Z"}', "before ids begin"),
        (b'{"id":"' + b"7" * 201 + b'","text":"hello"}', "200 characters"),
    ],
)
def test_a_line_that_is_no_post_says_why(path: Path, line: bytes, part: str) -> None:
    assert part in reason(path, line)


def test_the_first_moment_of_ids_can_be_kept(path: Path) -> None:
    written = "2010-11-04T01:42:54.657Z"

    assert only_post(path, f'{{"id":"7","text":"x","created_at":"{written}"}}').at_ms == EPOCH_MS


def test_a_line_without_end_costs_little_memory(path: Path) -> None:
    found = posts_of(path, b"x" * (3 * LINE_BYTES_MAX) + b"\n" + TWEET.encode())

    assert [line.number for line in found] == [1, 2]
    assert isinstance(found[0], Malformed)
    assert len(found[0].raw) == 1_000


def test_a_file_that_is_cut_off_is_not_taken_for_a_whole_one(path: Path) -> None:
    path.write_bytes(gzip.compress(TWEET.encode() * 1_000)[:-20])

    with pytest.raises(UnreadableFile):
        list(read_posts(path))


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(UnreadableFile, match=path.name):
        list(read_posts(path))


def test_follows_come_without_comments_header_and_further_columns(path: Path) -> None:
    path.write_text("follower\tfollowee\n# a comment\n1\t2\n\n3\t4\t99\n")

    assert list(read_follows(path)) == [
        FollowLine(3, "1", "2", b"1\t2"),
        FollowLine(5, "3", "4", b"3\t4\t99"),
    ]


@pytest.mark.parametrize("line", [b"1", b"1 2", b"1\t", b"\t2", b"\xff\t2"])
def test_a_line_that_is_no_follow_is_malformed(path: Path, line: bytes) -> None:
    path.write_bytes(line)

    assert list(read_follows(path)) == [Malformed(1, "The line is not follower<TAB>followee", line)]
