"""What imports ask of the cluster's log in bulk."""

from collections.abc import Collection, Mapping
from typing import Final

from domain.errors import Unavailable
from infra.cassandra.kept import Encoding, is_register
from infra.cassandra.log_tables import LogTables
from infra.cassandra.loop_thread import LoopThread
from infra.cassandra.receipts import Receipts
from infra.sealed_answers import answer_of
from infra.stamps import wall_clock_ms
from projections.projection import StoreUnavailable
from streams.envelope import Codec

_REGISTER: Final = "SELECT version FROM @registers WHERE register = ? LIMIT 1"
_STREAM: Final = "SELECT version FROM @streams WHERE stream = ? AND version > 0 LIMIT 1"


class CassandraImportIndex:
    """Implements `infra.importing.outside.ImportIndex`. Blocks, as an import does."""

    def __init__(self, blocking: LoopThread, namespace: str, codec: Codec) -> None:
        self._blocking = blocking
        self._keyring = codec.keyring
        self._tables = LogTables(blocking.session, namespace)
        self._receipts = Receipts(self._tables, Encoding(codec), now_ms=wall_clock_ms)
        self.close = blocking.close

    def receipts(self, scope: str) -> Mapping[str, bytes]:
        """See `ImportIndex.receipts`. Raises Unavailable."""
        try:
            sealed = self._blocking.wait(self._receipts.of_import(scope))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error
        return {key: answer_of(scope, one, self._keyring).body for key, one in sealed.items()}

    def existing(self, streams: Collection[str]) -> frozenset[str]:
        """See `ImportIndex.existing`. Raises Unavailable."""
        asked = [(_REGISTER if is_register(name) else _STREAM, (name,)) for name in streams]
        try:
            found = self._blocking.wait(self._tables.execute_many(asked))
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error
        return frozenset(name for name, rows in zip(streams, found, strict=True) if rows)
