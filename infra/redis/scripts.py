"""Lua scripts in Redis: each runs as one step, and is sent as the hash of its text."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple

from redis.exceptions import NoScriptError

from infra.redis.client import RedisClient, outages_told

Argument = bytes | str | int | float
_FOLDER: Final = files("infra.redis")


class Call(NamedTuple):
    """A script and what it is given."""

    script: str
    arguments: Sequence[Argument] = ()


def text_of(*names: str) -> str:
    """A script from files of this folder, without `.lua`: what it is made with, then itself."""
    return "\n".join((_FOLDER / f"{name}.lua").read_text("utf-8") for name in names)


def hashes_of(texts: Mapping[str, str]) -> dict[str, str]:
    """What Redis knows each script by."""
    return {
        name: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        for name, text in texts.items()
    }


class Scripts:
    """Scripts by name, on one key space. Every call raises StoreUnavailable where Redis does not
    answer; whether the script has run is unknown then, so scripts must bear being run again."""

    def __init__(self, redis: RedisClient, key: str, texts: Mapping[str, str]) -> None:
        self._redis = redis
        self._key = key
        self._texts = texts
        self._hashes = hashes_of(texts)

    async def load(self) -> None:
        """Hand all texts to Redis, which forgets them when it restarts."""
        with outages_told(self._redis):
            await self._load()

    async def call(self, script: str, *arguments: Argument) -> Any:
        """What one script returns."""
        with outages_told(self._redis):
            try:
                return await self._redis.evalsha(self._hashes[script], 1, self._key, *arguments)
            except NoScriptError:
                await self._load()
                return await self._redis.evalsha(self._hashes[script], 1, self._key, *arguments)

    async def call_all(self, calls: Sequence[Call]) -> list[Any]:
        """What each of them returns: they run in their order, in one round trip, others between."""
        if not calls:
            return []
        with outages_told(self._redis):
            try:
                return await self._pipelined(calls)
            except NoScriptError:
                await self._load()
                return await self._pipelined(calls)

    async def _load(self) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for text in self._texts.values():
                pipeline.script_load(text)
            await pipeline.execute()

    async def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for script, arguments in calls:
                pipeline.evalsha(self._hashes[script], 1, self._key, *arguments)
            return await pipeline.execute()
