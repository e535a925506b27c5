"""What imports ask of the cluster's log in bulk."""

from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

from domain.errors import Unavailable
from infra.cassandra.import_plans import ImportPlans
from infra.cassandra.kept import is_register
from infra.cassandra.log_tables import LogTables
from infra.cassandra.loop_thread import LoopThread
from infra.sealed_answers import answer_of
from projections.projection import StoreUnavailable
from streams.envelope import Codec

_REGISTERS: Final = """SELECT register AS found FROM @registers
WHERE register IN ? PER PARTITION LIMIT 1"""
_STREAMS: Final = """SELECT stream AS found FROM @streams
WHERE stream IN ? AND version > 0 PER PARTITION LIMIT 1"""
# Each is a partition of its own, so no more than a node looks through at once.
PARTITIONS_MAX: Final = 50

T = TypeVar("T")


class CassandraImportIndex:
    """Implements `infra.importing.outside.ImportIndex`, and `Plans` too. Blocks: it is asked by
    threads."""

    def __init__(self, blocking: LoopThread, namespace: str, codec: Codec) -> None:
        self._blocking = blocking
        self._keyring = codec.keyring
        self._tables = LogTables(blocking.session, namespace)
        self._plans = ImportPlans(self._tables, codec.keyring)
        self.close = blocking.close

    @property
    def plans(self) -> "CassandraImportIndex":
        """See `ImportIndex.plans`."""
        return self

    def receipts(self, scope: str) -> Mapping[str, bytes]:
        """See `ImportIndex.receipts`. Raises Unavailable."""
        sealed = self._wait(self._plans.receipts(scope))
        return {key: answer_of(scope, one, self._keyring).body for key, one in sealed.items()}

    def existing(self, streams: Collection[str]) -> frozenset[str]:
        """See `ImportIndex.existing`. Raises Unavailable."""
        registers = [name for name in streams if is_register(name)]
        appended = [name for name in streams if not is_register(name)]
        asked = [
            *((_REGISTERS, (some,)) for some in _in_parts(registers)),
            *((_STREAMS, (some,)) for some in _in_parts(appended)),
        ]
        if not asked:
            return frozenset()
        return frozenset(
            row.found for rows in self._wait(self._tables.execute_many(asked)) for row in rows
        )

    def planned(self, scope: str) -> Mapping[str, int]:
        """See `Plans.planned`."""
        return self._wait(self._plans.planned(scope))

    def plan(self, scope: str, ids: Mapping[str, int]) -> None:
        """See `Plans.plan`."""
        self._wait(self._plans.plan(scope, ids))

    def plan_again(self, scope: str, ids: Mapping[str, int], old: Mapping[str, int]) -> None:
        """See `Plans.plan_again`."""
        self._wait(self._plans.plan_again(scope, ids, old))

    def recorded(self, scope: str, ids: Mapping[str, int]) -> None:
        """See `Plans.recorded`."""
        self._wait(self._plans.recorded(scope, ids))

    def _wait(self, asking: Coroutine[Any, Any, T]) -> T:
        try:
            return self._blocking.wait(asking)
        except StoreUnavailable as error:
            raise Unavailable(str(error)) from error


def _in_parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[at : at + PARTITIONS_MAX] for at in range(0, len(names), PARTITIONS_MAX)]
