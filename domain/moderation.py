"""Reports of posts, and what moderators make of them."""

import re
from typing import Final

from domain.errors import Invalid
from domain.events import Recorded, ReportResolved
from domain.ids import EventId

# A reason in one's own words is one of "other".
REPORT_REASONS: Final = ("spam", "abuse", "violence", "illegal", "other")
REPORT_REASON_CHARS_MAX: Final = 200
COMMENT_CHARS_MAX: Final = 500
RESOLUTION_CHARS_MAX: Final = 200
MEASURE_REASON_CHARS_MAX: Final = 200

# Also in the API's document, which is why it is a pattern: no control characters but white space.
WORDS_PATTERN: Final = r"^[^\u0000-\u0008\u000e-\u001f\u007f]*$"
_WORDS: Final = re.compile(WORDS_PATTERN)


def check_report(reason: str, comment: str) -> None:
    """Raises Invalid: a report has a reason, and words that can be kept."""
    faults = _word_faults("/reason", reason, REPORT_REASON_CHARS_MAX)
    if not reason.strip():
        faults.append(("/reason", "The reason is empty"))
    faults += _word_faults("/comment", comment, COMMENT_CHARS_MAX)
    if faults:
        raise Invalid(*faults)


def check_resolution(resolution: str) -> None:
    """Raises Invalid: a resolution says something, and shortly."""
    faults = _word_faults("/resolution", resolution, RESOLUTION_CHARS_MAX)
    if not resolution.strip():
        faults.append(("/resolution", "The resolution is empty"))
    if faults:
        raise Invalid(*faults)


def check_measure_reason(reason: str) -> None:
    """Raises Invalid for a reason, of a suspension or for hiding a post, that cannot be kept."""
    faults = _word_faults("/reason", reason, MEASURE_REASON_CHARS_MAX)
    if faults:
        raise Invalid(*faults)


def report_of(report_id: EventId) -> str:
    """The register of a report."""
    return f"report/{report_id}"


def resolves(resolved: ReportResolved, latest: Recorded | None) -> bool:
    """Whether it says anything that the report's newest resolution does not."""
    if latest is None or not isinstance(latest.event, ReportResolved):
        return True
    return latest.event.resolution != resolved.resolution


def _word_faults(pointer: str, words: str, chars_max: int) -> list[tuple[str, str]]:
    faults = []
    if len(words) > chars_max:
        faults.append((pointer, f"More than {chars_max} characters"))
    if not _WORDS.fullmatch(words):
        faults.append((pointer, "Control characters cannot be kept"))
    return faults
