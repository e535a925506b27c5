"""What imports ask of the embedded log in bulk."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import orjson

from infra.sealed_answers import answer_of
from infra.sqlite.connections import Readers
from streams.envelope import Keyring

_RECEIPTS: Final = "SELECT key, answer FROM receipts WHERE scope = ?"
_EXISTING: Final = """
SELECT value FROM json_each(?)
WHERE EXISTS (SELECT 1 FROM stored_events WHERE originator_id = value)
"""


class SqliteImportIndex:
    """Implements `infra.importing.outside.ImportIndex`: mappings are in the events' commits."""

    plans = None

    def __init__(self, log: Path, keyring: Keyring) -> None:
        self._keyring = keyring
        self._readers = Readers(log)
        self.close = self._readers.close

    def receipts(self, scope: str) -> Mapping[str, bytes]:
        """See `ImportIndex.receipts`."""
        rows = self._readers.get().execute(_RECEIPTS, (scope,))
        return {key: answer_of(scope, answer, self._keyring).body for key, answer in rows}

    def existing(self, streams: Collection[str]) -> frozenset[str]:
        """See `ImportIndex.existing`."""
        if not streams:
            return frozenset()
        rows = self._readers.get().execute(_EXISTING, (orjson.dumps(list(streams)),))
        return frozenset(row[0] for row in rows)
