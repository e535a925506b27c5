"""What a person sees of an import."""

from io import StringIO

from infra.importing.display import LINE_EVERY_S, ProgressDisplay, told
from infra.importing.tally import Progress, Summary


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def progress(phase: str, lines: int = 50) -> Progress:
    return Progress(phase, lines, 200, events=120, elapsed_s=2.0)


def test_without_a_terminal_there_is_a_line_every_few_seconds() -> None:
    out = StringIO()
    now = [0.0]

    with ProgressDisplay(out, clock=lambda: now[0]) as display:
        for _ in range(100):
            now[0] += LINE_EVERY_S / 10
            display.report(progress("posts"))

    assert out.getvalue().splitlines()[0] == "posts: 25 %, 120 events, 60/s, 6 s to go"
    assert len(out.getvalue().splitlines()) in range(9, 12)


def test_without_a_terminal_something_else_is_told_at_once() -> None:
    out = StringIO()

    with ProgressDisplay(out, clock=lambda: 0.0) as display:
        display.report(progress("posts"))
        display.report(progress("follows"))

    assert [line.split(":")[0] for line in out.getvalue().splitlines()] == ["posts", "follows"]


def test_on_a_terminal_there_is_a_bar() -> None:
    out = Terminal()

    with ProgressDisplay(out) as display:
        display.report(progress("posts", lines=100))
        display.refresh()

    assert "posts" in out.getvalue()
    assert "50%" in out.getvalue()
    assert "60/s" in out.getvalue()


def test_the_summary_names_the_rejects() -> None:
    summary = Summary(posts=2, events=3, elapsed_s=1.5, known=7, rejected=1, rejects=["x.jsonl"])

    assert told(summary) == (
        "0 accounts, 2 posts, 0 follows: 3 events in 1.5 s (2 events/s); "
        "7 were there already, 1 rejected: x.jsonl"
    )
