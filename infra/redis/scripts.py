"""Lua scripts in Redis: each runs as one step, and is sent as the hash of its text."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple, TypeVar

from redis.exceptions import NoScriptError

from infra.redis.client import RedisClient, outages_told
from infra.redis.redis_cluster import AnyRedis, RedisCluster, slot_of

Argument = bytes | str | int | float
T = TypeVar("T")
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
    """Scripts by name, on one key space, whose `key` and `other_keys` are their KEYS. Every call
    raises StoreUnavailable where Redis does not answer; whether the script has run is unknown then,
    so scripts must bear being run again."""

    def __init__(
        self, redis: AnyRedis, key: str, texts: Mapping[str, str], *other_keys: str
    ) -> None:
        self.key = key
        self._redis = redis
        self._texts = texts
        self._hashes = hashes_of(texts)
        self._keys = (key, *other_keys)
        self._slot = slot_of(key)

    async def load(self) -> None:
        """Hand all texts to Redis, which forgets them when it restarts."""
        await self.ask(self._load)

    async def ask(self, ask: Callable[[RedisClient], Awaitable[T]]) -> T:
        """What `ask` gets from the server that has the key space."""
        redis = self._redis
        if isinstance(redis, RedisCluster):
            return await redis.at(self._slot, ask)
        with outages_told(redis):
            return await ask(redis)

    async def call(self, script: str, *arguments: Argument) -> Any:
        """What one script returns."""
        return await self.ask(lambda server: self.call_at(server, script, *arguments))

    async def call_at(
        self, server: RedisClient, script: str, *arguments: Argument, tracked: Sequence[str] = ()
    ) -> Any:
        """What one script returns, of the server that `ask` has found; it is given the `tracked`
        keys too, and tells when they change."""
        keys = (*self._keys, *tracked)
        command = ("EVALSHA", self._hashes[script], len(keys), *keys, *arguments)
        try:
            return await server.ask(*command, tracked=bool(tracked))
        except NoScriptError:
            await self._load(server)
            return await server.ask(*command, tracked=bool(tracked))

    async def call_all(self, calls: Sequence[Call]) -> list[Any]:
        """What each of them returns: they run in their order, in one round trip, others between."""
        if not calls:
            return []

        async def call_all(server: RedisClient) -> list[Any]:
            try:
                return await self._pipelined(server, calls)
            except NoScriptError:
                await self._load(server)
                return await self._pipelined(server, calls)

        return await self.ask(call_all)

    async def _load(self, server: RedisClient) -> None:
        async with server.pipeline(transaction=False) as pipeline:
            for text in self._texts.values():
                pipeline.script_load(text)
            await pipeline.execute()

    async def _pipelined(self, server: RedisClient, calls: Sequence[Call]) -> list[Any]:
        async with server.pipeline(transaction=False) as pipeline:
            for script, arguments in calls:
                pipeline.evalsha(self._hashes[script], len(self._keys), *self._keys, *arguments)
            return await pipeline.execute()
