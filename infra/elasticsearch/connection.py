"""Connections to Elasticsearch for asyncio: time-outs, one kind of outage."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self

import orjson
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    ConnectionTimeout,
    NotFoundError,
    OrjsonSerializer,
)
from elasticsearch import ConnectionError as Unreachable
from elasticsearch.serializer import NdjsonSerializer

from infra.breaker import Breaker, Passing
from projections.projection import StoreUnavailable

ANSWER_S: Final = 10.0
# An index is made or removed with many files, each of which is written to disk.
CHANGE_S: Final = 60.0
# Too much at once, no shard, no master, no time: the same may work later.
OUTAGES: Final = frozenset({408, 429, 502, 503, 504})
CONFLICT: Final = 409
EXISTS: Final = "resource_already_exists_exception"
# Of what an engine says of each write, that which is read.
WRITTEN: Final = "errors,items.*.status,items.*._id,items.*.error"

Body = Mapping[str, Any]


class Refused(Exception):
    """The engine does not take what it was sent: a bug of ours."""


class Write(NamedTuple):
    """A document as of a version: what the engine has of that version or a higher one stays."""

    document_id: str
    version: int
    document: Body


class Answer(NamedTuple):
    """Of a search: what its hits are sorted by, and how many there are in all."""

    sorts: Sequence[Sequence[Any]]
    total: int


class _OrjsonLines(NdjsonSerializer):
    """The bodies of many lines, which the client has no quick way for."""

    def json_dumps(self, data: Any) -> bytes:
        """One line. Raises TypeError."""
        return orjson.dumps(data)


class ElasticsearchConnection:
    """Requests to one cluster. Every method raises StoreUnavailable where it does not answer, at
    once where it did not a moment ago, or answers for a part of its shards only; whether a write
    was done is unknown then."""

    def __init__(self, client: AsyncElasticsearch) -> None:
        self._client = client
        self._changing = client.options(request_timeout=CHANGE_S).indices
        self.breaker = Breaker("Elasticsearch")

    @classmethod
    def to(cls, url: str) -> Self:
        """To `http://HOST:PORT`; connects at the first use. Nothing is tried twice: whoever asks
        knows better whether that would be right."""
        return cls(
            AsyncElasticsearch(
                url,
                request_timeout=ANSWER_S,
                max_retries=0,
                serializers={
                    "application/json": OrjsonSerializer(),
                    "application/x-ndjson": _OrjsonLines(),
                },
            )
        )

    async def create_index(self, name: str, settings: Body, mappings: Body) -> None:
        """Make an index; of one that is there, the fields that it lacks."""
        try:
            with self._asked():
                await self._changing.create(index=name, settings=settings, mappings=mappings)
        except ApiError as error:
            if error.error != EXISTS:
                raise
            with self._asked():
                await self._changing.put_mapping(index=name, properties=mappings["properties"])

    async def delete_index(self, name: str) -> None:
        """Remove an index, if it is there."""
        with suppress(NotFoundError), self._asked():
            await self._changing.delete(index=name)

    async def write(self, index: str, writes: Sequence[Write], *, refresh: bool = False) -> None:
        """All of them in one request, each unless there is a higher version. Searches see them
        after a refresh. Raises Refused."""
        await self._write(index, writes, "external_gte", refresh=refresh)

    async def take(self, index: str, writes: Sequence[Write]) -> set[str]:
        """Each of them unless there is that version or a higher one; the ids of the others. Raises
        Refused."""
        return await self._write(index, writes, "external", refresh=False)

    async def _write(
        self, index: str, writes: Sequence[Write], wins: str, *, refresh: bool
    ) -> set[str]:
        """The ids of those that there are higher versions of."""
        if not writes:
            return set()
        lines: list[Body] = []
        for document_id, version, document in writes:
            at = {"_id": document_id, "version": version, "version_type": wins}
            lines += ({"index": at}, document)
        with self._asked():
            answer = await self._client.bulk(
                index=index, operations=lines, refresh=refresh, filter_path=WRITTEN
            )
        if not answer["errors"]:
            return set()
        items = [item["index"] for item in answer["items"]]
        for item in items:
            _check(item["status"], item.get("error"), allowed=CONFLICT)
        return {item["_id"] for item in items if item["status"] == CONFLICT}

    async def documents(self, index: str, document_ids: Collection[str]) -> dict[str, Any]:
        """Those that there are, as they are now, refreshed or not."""
        if not document_ids:
            return {}
        with self._asked():
            answer = await self._client.mget(index=index, ids=list(document_ids))
        for found in answer["docs"]:
            _check(500 if "error" in found else 200, found.get("error"))
        return {found["_id"]: found["_source"] for found in answer["docs"] if found["found"]}

    async def search(self, index: str, *bodies: Body) -> list[Answer]:
        """Several searches in one request. Raises Refused."""
        lines: list[Body] = []
        for body in bodies:
            lines += ({"allow_partial_search_results": False}, {"_source": False, **body})
        with self._asked():
            answer = await self._client.msearch(index=index, searches=lines)
        answers = []
        for found in answer["responses"]:
            _check(found["status"], found.get("error"))
            hits = found["hits"]
            total = hits["total"]["value"] if "total" in hits else 0
            answers.append(Answer([hit["sort"] for hit in hits["hits"] if "sort" in hit], total))
        return answers

    async def refresh(self, index: str) -> None:
        """Let searches see all that is written."""
        with self._asked():
            answer = await self._client.indices.refresh(index=index)
        if answer["_shards"]["failed"]:
            raise StoreUnavailable(f"Elasticsearch: {answer['_shards']}")

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()

    def _asked(self) -> Passing:
        """A request: its outage is told as one."""
        return self.breaker.passing(_outage)


def _check(status: int, error: Any, *, allowed: int = 200) -> None:
    """Of a part of a request, whose other parts may have gone well."""
    if status in OUTAGES:
        raise StoreUnavailable(f"Elasticsearch: {error}")
    if status >= 300 and status != allowed:
        raise Refused(f"{status}: {error}")


def _outage(error: BaseException) -> StoreUnavailable | None:
    away = isinstance(error, Unreachable | ConnectionTimeout)
    if away or (isinstance(error, ApiError) and error.status_code in OUTAGES):
        return StoreUnavailable(f"Elasticsearch: {error}")
    return None
