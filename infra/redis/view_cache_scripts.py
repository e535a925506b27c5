"""The scripts of view caches, and how it is noticed that Redis began anew.

Redis (7 and up) forgets scripts when it ends and may remember keys: as they were a second ago, or
an hour, as its persistence is set; so may a replica that takes over. What writers barred and
removed since is then back. So whoever finds that a script is not there says first that a new life
of Redis has begun, in which no value of an earlier one counts, and only then loads the scripts.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.exceptions import NoScriptError

from infra.attentive import attentive_timeout
from infra.breaker import Breaker
from infra.redis.client import RedisClient, outages_told
from infra.redis.scripts import Argument, hashes_of, text_of

LIFE: Final = "starling:view_cache:life"
TEXTS: Final = {
    "read": text_of("view_cache_read"),
    "fill": text_of("view_cache_fill"),
    "bar": text_of("view_cache_bars", "view_cache_bar"),
    "unbar": text_of("view_cache_bars", "view_cache_unbar"),
}


def new_token() -> str:
    """Eight characters that nobody else has."""
    return secrets.token_urlsafe(6)


class CacheScripts:
    """Calls of one process. `life` is the key by which lives of Redis are told apart."""

    def __init__(
        self, redis: RedisClient, *, life: str = LIFE, texts: Mapping[str, str] = TEXTS
    ) -> None:
        self.life = life
        self.connection = redis.shared
        self._redis = redis
        self._texts = texts
        self._hashes = hashes_of(texts)

    async def run(
        self,
        script: str,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        *,
        breaker: Breaker,
        within_s: float,
    ) -> Any:
        """What it returns. Redis tells of changes of what is read with the script of that name.
        Raises StoreUnavailable, at the latest when Redis has not answered for `within_s`; whether
        it has run is unknown then."""
        command = ("EVALSHA", self._hashes[script], len(keys), *keys, *arguments)
        tracked = script == "read"
        with outages_told(self._redis, breaker):
            async with attentive_timeout(within_s):
                try:
                    return await self._redis.ask(*command, tracked=tracked)
                except NoScriptError:
                    await self._begin()
                    return await self._redis.ask(*command, tracked=tracked)

    async def ping(self, *, breaker: Breaker, within_s: float) -> None:
        """Return when Redis has answered. Raises StoreUnavailable, as `run`."""
        with outages_told(self._redis, breaker):
            async with attentive_timeout(within_s):
                await self._redis.ask("PING")

    async def _begin(self) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.set(self.life, new_token())
            for text in self._texts.values():
                pipeline.script_load(text)
            await pipeline.execute()
