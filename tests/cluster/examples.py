"""Properties of contracts with fewer examples: an engine's answers take a hundred times as long."""

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

# In torture, of so many examples elsewhere there is one here.
FEWER: Final = 50


def fewer_examples(test: Any, max_examples: int) -> Any:
    """The property of a contract that draws all it needs from `data`."""
    of_data = given(data=st.data())(test.hypothesis.inner_test)
    return settings(max_examples=max(max_examples, settings().max_examples // FEWER))(of_data)
