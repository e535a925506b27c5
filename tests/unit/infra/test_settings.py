"""Settings that cannot be taken."""

import pytest

from infra.settings import SettingError, load


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("STARLING_PROFILE", "laptop", "must be embedded or cluster"),
        ("STARLING_LOG_LEVEL", "WARN", "must be debug, info, warning or error"),
        ("STARLING_BIND", "127.0.0.1", "must be HOST:PORT"),
        ("STARLING_FANOUT_THRESHOLD", "nan", "must be 0 or more"),
    ],
)
def test_it_is_named_and_told_what_it_takes(name: str, value: str, takes: str) -> None:
    with pytest.raises(SettingError, match=f"{name} {takes}"):
        load({name: value})
