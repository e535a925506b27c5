"""What could not be imported, as JSON Lines with the reason: mend it and import it again."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import orjson


class Rejects:
    """Writes a new file for a run; where nothing is rejected none is left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None
        path.unlink(missing_ok=True)

    def add(self, source: Path, number: int, reason: str, raw: bytes) -> None:
        """Keep line `number` of `source` and why it was left out."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        self.count += 1
        rejected = {
            "file": str(source),
            "line": number,
            "reason": reason,
            "text": raw.decode(errors="replace"),
        }
        self._file.write(orjson.dumps(rejected, option=orjson.OPT_APPEND_NEWLINE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
