"""A first look through the files, so that it is known how much there is and who posted when."""

from collections.abc import Iterable
from pathlib import Path

from infra.importing.files import Malformed, PostLine, count_lines, read_posts
from infra.importing.people import key_of, key_of_file


class Survey:
    """What one namespace's files hold; `first_posts` by the people's keys."""

    def __init__(self) -> None:
        self.lines = 0
        self.first_posts: dict[str, int] = {}

    def look(self, posts: Iterable[Path], follows: Iterable[Path]) -> None:
        """Read the files once. Raises UnreadableFile."""
        for path in posts:
            for line in read_posts(path):
                self.lines += 1
                if not isinstance(line, Malformed) and line.at_ms is not None:
                    key = author_key(line, path)
                    first = self.first_posts.get(key, line.at_ms)
                    self.first_posts[key] = min(first, line.at_ms)
        for path in follows:
            self.lines += count_lines(path)


def stem_of(path: Path) -> str:
    """A file's name without suffixes."""
    return path.name.lstrip(".").partition(".")[0] or path.name


def author_key(line: PostLine, path: Path) -> str:
    """Whose the post is: the file's where it names nobody."""
    return key_of_file(stem_of(path)) if line.user is None else key_of(line.user)
