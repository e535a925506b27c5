"""What every store of a projection must do, whatever it keeps."""

from abc import ABC, abstractmethod
from typing import Any

import pytest

from projections.projection import Store


class StoreContract(ABC):
    """Subclass with a `store` fixture that gives an empty one."""

    @pytest.fixture
    @abstractmethod
    def store(self) -> Any: ...

    async def test_the_checkpoint_never_goes_back(self, store: Store[Any]) -> None:
        assert await store.checkpoint() == {}

        await store.apply([], {0: 7})
        await store.apply([], {0: 3, 1: 2})

        assert await store.checkpoint() == {0: 7, 1: 2}
